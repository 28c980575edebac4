"""The one rule that joins role, purpose, consent and flags: what may be sent, opened, exported.

Each `require_*` raises and names what is missing; none returns an answer that could be ignored.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy.orm import Session

from agencies.directory import Certificate, Directory
from agencies.members import OfficerSession
from agencies.rights import has_right
from crypto.encoding import b64u, unb64u
from errors import ConsentMissing, FlagForbids, FormatError, LimitExceeded, NotPermitted
from exchange.composition import Composition
from exchange.cover import Cover
from identity import consent

DUAL: Final = "dual-control"
NO_EXPORT: Final = "no-export"
NO_ONWARD: Final = "no-onward-transfer"
OFFICERS_PAST_FLAG: Final = 2
MOST_TOGETHER: Final = 2  # officers who open together; the record of an opening has room for one approval


def require_officers(directory: Directory, made: Composition, agency: str) -> dict[str, list[Certificate]]:
    """Certificates of all entitled officers, by agency, in the order of their shares.

    Raises:
        NotPermitted: an officer may not open bundles; an agency has too few for the threshold; nobody is named.
        NotFound: an officer has no certificate that counts.
        LimitExceeded: more than two are to open together.
    """
    found: dict[str, list[Certificate]] = {}
    groups = [*((one.agency, one.officers) for one in made.recipients), (agency, made.own_officers)]
    if made.threshold > MOST_TOGETHER:
        raise LimitExceeded("a bundle opens with one officer, or with two")
    if len({name for name, _ in groups}) != len(groups) or len(groups) < 2:
        raise FormatError("each agency stands once, and the sender is not a recipient")
    for name, officers in groups:
        certificates = [directory.certificate(officer) for officer in officers]
        if len(set(officers)) < max(1, made.threshold):
            raise NotPermitted(f"{name} needs {made.threshold} officers to open this; one person is not two")
        for one in certificates:
            if one.agency != name or not has_right(one.roles, "open"):
                raise NotPermitted(f"{one.subject} may not open bundles")
        found[name] = certificates
    return found


def require_consent(made: Composition, agency_type: str, today: str) -> None:
    """Persons and exhibits leave an NGO only with consent; an extract that is enclosed has to cover what is sent.

    Raises:
        ConsentMissing: no extract, or one that does not cover this purpose, recipient, or day; an exhibit of an NGO
            that is no item of an enclosed extract.
        FormatError: the extracts and the header places do not belong together; two recipients for one pseudonym.
    """
    extracts: Sequence[Mapping[str, Any]] = made.form.get("consents", [])
    if made.has_persons and len(made.recipients) != 1:
        raise FormatError("a bundle that names a person goes to one agency: make one for each")
    if len(extracts) != len(made.consents):
        raise FormatError("each consent that a bundle rests on has its extract in it")
    for place, extract in enumerate(extracts):
        if extract.get("place") != place:
            raise FormatError("a consent extract names another place in the header")
        _require_covered(made, extract, today)
    if agency_type == "ngo":
        if {one.get("pseudonym") for one in made.form.get("persons", [])} - {one.get("person") for one in extracts}:
            raise ConsentMissing
        _require_items_agreed(made, extracts)


def _require_items_agreed(made: Composition, extracts: Sequence[Mapping[str, Any]]) -> None:
    """Nothing leaves an NGO that the person whom it is about did not agree to, whether the bundle names her or not."""
    exhibits: Sequence[Mapping[str, Any]] = made.form.get("exhibits", [])
    for agency in made.agencies:
        agreed = {item for extract in extracts if extract.get("recipient") == agency for item in extract["items"]}
        for one in exhibits:
            if one.get("object") not in agreed:
                raise ConsentMissing(
                    f"no enclosed consent covers exhibit {one.get('local_number')} for {agency}: record with the "
                    "person whom it concerns that she agrees to this item, and send her record with it; or leave it out"
                )
    shown = {file["file"] for one in exhibits for file in one["files"]}
    if {b64u(file) for file in made.files} - shown:
        raise ConsentMissing("a file that belongs to no exhibit does not leave an NGO: no consent can name it")


def require_live_consents(db: Session, officer: OfficerSession, made: Composition, now: int) -> None:
    """The consents that a bundle rests on count at this moment, whenever it was composed.

    Raises:
        ConsentMissing: one is held, withdrawn or over, or does not cover a recipient, a purpose or an exhibit.
        NotFound: one is not a record of this case.
    """
    items = [unb64u(one["object"]) for one in made.form.get("exhibits", [])]
    told = {one.get("pseudonym") for one in made.form.get("persons", []) if one.get("fields")}
    for record, extract in zip(made.consents, made.form.get("consents", []), strict=True):
        found = consent.get_consent(db, officer, made.case_id, record)
        has_data = extract.get("person") in told
        for agency in made.agencies:
            consent.require_covered(found, agency, made.purposes, items, now, has_data=has_data)


def _require_covered(made: Composition, extract: Mapping[str, Any], today: str) -> None:
    until = extract.get("valid_until")
    if extract.get("recipient") not in made.agencies:
        raise ConsentMissing("the consent is for another recipient")
    if not set(made.purposes) <= set(extract.get("purposes", [])):
        raise ConsentMissing("the consent does not cover this purpose")
    if until is not None and str(until) < today:
        raise ConsentMissing("the consent is over; ask again")


def require_purpose(cover: Cover, roles: Iterable[str], purpose: str, legal_basis: str) -> None:
    """What an officer states before opening is one of the sender's purposes, with a legal basis.

    Raises:
        NotPermitted
    """
    if not has_right(roles, "open"):
        raise NotPermitted("your role does not open bundles")
    if purpose not in cover.purposes:
        raise NotPermitted("the sender allows other purposes: " + "; ".join(cover.purposes))
    if not legal_basis.strip():
        raise NotPermitted("state the legal basis on which you open this")


def active_flags(flags: Iterable[Mapping[str, Any]], today: str) -> list[Mapping[str, Any]]:
    """Raised flags whose term has not ended. A flag without an end stays until its raiser lowers it."""
    return [one for one in flags if one["state"] == "raised" and (one["until"] is None or str(one["until"]) >= today)]


def takes_second_officer(cover: Cover, flags: Iterable[Mapping[str, Any]], today: str) -> bool:
    """Whether opening takes a second officer: sealed so, or flagged so."""
    return cover.threshold > 1 or any(one["instruction"] == DUAL for one in active_flags(flags, today))


def require_export(flags: Iterable[Mapping[str, Any]], today: str, *, court_order: str | None, officers: int) -> None:
    """Past a `no-export` something is exported only by two officers with the reference of a court's order.

    Raises:
        FlagForbids
    """
    if forbidding_export(flags, today) and (not (court_order or "").strip() or officers < OFFICERS_PAST_FLAG):
        raise FlagForbids("a flag forbids export; it takes two officers and the reference of a court's order")


def forbidding_export(flags: Iterable[Mapping[str, Any]], today: str) -> list[Mapping[str, Any]]:
    """The flags past which nothing is exported without a court's order."""
    return [one for one in active_flags(flags, today) if one["instruction"] == NO_EXPORT]


def require_onward(flags: Iterable[Mapping[str, Any]], today: str, *, recipients: Iterable[str], sender: str) -> None:
    """Nothing is made of a bundle for a third agency past `no-onward-transfer`.

    Args:
        recipients: agencies that would get it.
        sender: the agency that sent the bundle. It, and the agency that raised the flag, are no third agency.

    Raises:
        FlagForbids
    """
    for one in active_flags(flags, today):
        third = sorted(set(recipients) - {sender, str(one["raiser"])})
        if one["instruction"] == NO_ONWARD and third:
            raise FlagForbids(f"a flag forbids to pass this on to {third[0]}; ask {one['raiser']}, which raised it")
