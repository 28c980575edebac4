"""Where pages of other nouns are."""

from flask import url_for


def exhibit(case_id: bytes, object_id: bytes) -> str:
    """The page of an exhibit."""
    return url_for("exhibits.exhibit", case_id=case_id.hex(), object_id=object_id.hex())


def bundle(bundle_id: bytes, direction: str) -> str:
    """The page of a bundle: of one that was sent, or of one that arrived."""
    if direction == "in":
        return url_for("inbox.bundle", bundle_id=bundle_id.hex())
    return url_for("bundles.page", bundle=bundle_id.hex())


def share(case_id: bytes) -> str:
    """Where a bundle of a case is begun."""
    return url_for("sharing.begin", case=case_id.hex())


def take_in(case_id: bytes) -> str:
    """Where an exhibit of a case is taken in."""
    return url_for("exhibits.take_in", case_id=case_id.hex())


def ask(case_id: bytes) -> str:
    """Where another agency is asked about a case."""
    return url_for("inquiries.new", case=case_id.hex())


def approval(approval_id: bytes) -> str:
    """Where a second officer answers."""
    return url_for("approvals.page", approval=approval_id.hex())


def consents(case_id: bytes, person_id: bytes) -> str:
    """Consents of a person of a case."""
    return url_for("consent.person", case_id=case_id.hex(), person_id=person_id.hex())


def inquiry(inquiry_id: bytes) -> str:
    """The page of an inquiry, of either side."""
    return url_for("inquiries.inquiry", inquiry_id=inquiry_id.hex())
