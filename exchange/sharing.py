"""What an officer chose to send, made into a composition: persons by pseudonym, exhibits with their custody, consent.

Everything is read out of the sender's own case; the form holds only what docs/protocol.md 3.5 names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import OfficerSession
from crypto.encoding import b64u, unb64u
from crypto.sealing import Source
from custody import outbox
from errors import Conflict
from evidence import exhibits as register
from evidence import intake
from exchange import prohibitions
from exchange.composition import Composition
from exchange.cover import Entitled, Parent
from exchange.delivery import day_of
from exchange.office import Office
from identity import consent, flags, persons

DEFAULT_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Choice:
    """What goes to one agency.

    Attributes:
        officers: role handles entitled there, in the order of their shares.
        own_officers: role handles of the sender's agency who may open it on the record; the sender is one.
        reference: what the case is called for this recipient.
        persons: ids of the persons named in it.
        names: HTCDS names that are sent of each person; None sends all that may travel.
        names_of: the same for single persons, by id; whoever is not in it goes by `names`.
        exhibits: object ids.
        records: consent records that it rests on.
    """

    case_id: bytes
    agency: str
    officers: tuple[str, ...]
    purposes: tuple[str, ...]
    legal_basis: str
    reference: str
    text: str = field(default="", repr=False)
    persons: tuple[bytes, ...] = ()
    names: tuple[str, ...] | None = None
    names_of: Mapping[bytes, tuple[str, ...]] = field(default_factory=dict)
    exhibits: tuple[bytes, ...] = ()
    records: tuple[bytes, ...] = ()
    own_officers: tuple[str, ...] = ()
    handling: tuple[str, ...] = ()
    keep_until: str | None = None
    reply_by: str | None = None
    threshold: int = 1
    parents: tuple[Parent, ...] = ()
    months: int = DEFAULT_MONTHS


def compose(
    db: Session,
    office: Office,
    officer: OfficerSession,
    choice: Choice,
    *,
    now: int,
    kind: str = "share",
    more: Mapping[str, Any] | None = None,
) -> Composition:
    """The composition of a choice; nothing is sealed or sent yet.

    Args:
        more: members of the form that only this kind has (docs/protocol.md 3.5).

    Raises:
        Conflict: custody of an exhibit is not proven in the log yet; sync first.
        ConsentMissing: a consent does not cover this.
        FlagForbids: it comes out of a bundle with a flag, as far as this desk knows, that forbids to pass it on.
        NotFound: something of the choice is not in this case.
    """
    pseudonyms = {
        one: persons.pseudonym_for(db, officer, choice.case_id, one, choice.agency, now=now) for one in choice.persons
    }
    found = [register.get_exhibit(db, officer, choice.case_id, one) for one in choice.exhibits]
    form = {
        "case": choice.reference,
        "text": choice.text,
        "persons": [
            persons.shared_person(
                db, officer, choice.case_id, one, choice.agency, choice.names_of.get(one, choice.names), now
            )
            for one in choice.persons
        ],
        "exhibits": [exhibit_value(db, officer, choice.case_id, one) for one in found],
        "custody": [value for one in found for value in custody_values(db, officer, choice.case_id, one.holding)],
        "consents": [
            _extract(db, officer, choice, record, place, pseudonyms, now)
            for place, record in enumerate(choice.records)
        ],
        **(more or {}),
    }  # fmt: skip
    made = Composition(
        kind=kind,
        case_id=choice.case_id,
        recipients=(Entitled(choice.agency, choice.officers),),
        own_officers=choice.own_officers or (officer.handle,),
        purposes=choice.purposes,
        legal_basis=choice.legal_basis,
        expires=month_after(now, choice.months),
        form=form,
        handling=choice.handling,
        keep_until=choice.keep_until,
        reply_by=choice.reply_by,
        threshold=choice.threshold,
        files=tuple(file for one in found for file in one.files),
        consents=choice.records,
        parents=choice.parents,
        flags=tuple(flags.flags_for_bundle(db, officer, choice.case_id, choice.persons, choice.agency, now=now)),
    )
    prohibitions.require_onward_known(db, office, officer, made, now=now)
    return made


def _extract(
    db: Session,
    officer: OfficerSession,
    choice: Choice,
    record: bytes,
    place: int,
    pseudonyms: Mapping[bytes, str],
    now: int,
) -> dict[str, Any]:
    person = consent.get_consent(db, officer, choice.case_id, record).person_id
    if person not in pseudonyms:
        raise Conflict("a consent goes with the person who gave it; choose the person too")
    return consent.make_extract(
        db, officer, choice.case_id, record, pseudonym=pseudonyms[person], agency=choice.agency,
        purposes=choice.purposes, items=choice.exhibits, place=place, now=now,
        has_data=choice.names is None or bool(choice.names),
    )  # fmt: skip


def exhibit_value(db: Session, officer: OfficerSession, case_id: bytes, exhibit: register.Exhibit) -> dict[str, Any]:
    """An exhibit as the form says it; file names stay at home, the label is the exhibit's own."""
    return {
        "object": b64u(exhibit.object_id),
        "root_number": exhibit.root_number,
        "local_number": exhibit.local_number,
        "description": exhibit.description,
        "files": [
            {"file": b64u(file), "label": f"{exhibit.local_number}.{number}"}
            for number, file in enumerate(exhibit.files, 1)
        ],
        "handling": list(exhibit.handling),
        "holding": None,
    }


def custody_values(db: Session, officer: OfficerSession, case_id: bytes, holding: bytes | None) -> list[dict[str, str]]:
    """Statement, salt and proof of every event of an own holding.

    Raises:
        Conflict: an event has no proof yet.
    """
    if holding is None:
        return []
    key, values = case_key(db, officer, case_id), []
    for event in outbox.own_events(db, "holding", holding):
        if event.proof is None:
            raise Conflict("the custody of an exhibit is not proven in the log yet; sync, then send again")
        statement = outbox.read_statement(event, key)
        values.append({"statement": b64u(statement), "salt": b64u(event.salt), "proof": b64u(event.proof)})
    return values


def sources(office: Office, officer: OfficerSession, made: Composition) -> list[Source]:
    """Readers of a composition's files, in its order, each as part of the exhibit that the form names it in."""
    objects = {
        unb64u(file["file"]): unb64u(one["object"]) for one in made.form.get("exhibits", []) for file in one["files"]
    }
    return [intake.source_of(office.files, officer, made.case_id, file, object_id=objects[file]) for file in made.files]


def month_after(now: int, months: int) -> str:
    """The month so many months after now, YYYY-MM: bundles of one month expire together."""
    year, month = (int(part) for part in day_of(now).split("-")[:2])
    total = year * 12 + month - 1 + months
    return f"{total // 12:04d}-{total % 12 + 1:02d}"
