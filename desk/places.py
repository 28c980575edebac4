"""Where pages of other nouns are. A page that this desk does not have gives no address, and so no link."""

from typing import Any

from flask import current_app, url_for


def find(endpoint: str, **values: Any) -> str | None:
    """The address of a page, or None where there is none."""
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else None


def exhibit(case_id: bytes, object_id: bytes) -> str:
    """The page of an exhibit."""
    values: dict[str, Any] = {"case_id": case_id.hex(), "object_id": object_id.hex()}
    return find("exhibits.exhibit", **values) or url_for("casework.exhibit", **values)


def bundle(bundle_id: bytes, direction: str) -> str | None:
    """The page of a bundle: of one that was sent, or of one that arrived."""
    names = ("inbox.bundle",) if direction == "in" else ("bundles.bundle", "share_send.bundle", "sharing.bundle")
    return next((found for name in names if (found := find(name, bundle_id=bundle_id.hex()))), None)


def share(case_id: bytes) -> str | None:
    """Where a bundle of a case is begun."""
    return find("sharing.begin", case=case_id.hex())


def take_in(case_id: bytes) -> str | None:
    """Where an exhibit of a case is taken in."""
    return find("exhibits.take_in", case=case_id.hex())


def ask(case_id: bytes) -> str | None:
    """Where another agency is asked about a case."""
    return find("inquiries.new", case=case_id.hex())


def approval(approval_id: bytes) -> str | None:
    """Where a second officer answers."""
    return find("approvals.approval", approval_id=approval_id.hex())


def consents(case_id: bytes) -> str | None:
    """Consents of the persons of a case."""
    return find("consent.records", case=case_id.hex())
