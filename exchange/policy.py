"""The one rule that joins role, purpose, consent and flags: what may be sent, opened, exported.

Each `require_*` raises and names what is missing; none returns an answer that could be ignored.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from agencies.directory import Certificate, Directory
from agencies.rights import has_right
from errors import ConsentMissing, FlagForbids, FormatError, LimitExceeded, NotPermitted
from exchange.composition import Composition
from exchange.cover import Cover

DUAL: Final = "dual-control"
NO_EXPORT: Final = "no-export"
NO_ONWARD: Final = "no-onward-transfer"
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
    """A person's data leaves an NGO only with her consent; an extract that is enclosed has to cover what is sent.

    Raises:
        ConsentMissing: no extract, or one that does not cover this purpose, recipient, or day.
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
    if agency_type == "ngo" and made.has_persons:
        consented = {extract.get("person") for extract in extracts}
        missing = [one for one in made.form["persons"] if one.get("pseudonym") not in consented]
        if missing:
            raise ConsentMissing


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
    if any(one["instruction"] == NO_EXPORT for one in active_flags(flags, today)) and (
        not (court_order or "").strip() or officers < 2
    ):
        raise FlagForbids("a flag forbids export; it takes two officers and the reference of a court's order")


def require_onward(flags: Iterable[Mapping[str, Any]], today: str) -> None:
    """Nothing is made of a bundle for a third agency past `no-onward-transfer`.

    Raises:
        FlagForbids
    """
    if any(one["instruction"] == NO_ONWARD for one in active_flags(flags, today)):
        raise FlagForbids("a flag forbids to pass this on; ask the agency that raised it")
