"""What pages show of a bundle before and after its opening: flags with their meaning, codes, who sealed it, the key."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup

from agencies import comparison
from agencies.comparison import RootState
from desk import access
from desk.bundle_words import INSTRUCTIONS, code_words
from desk.forms import DeskForm, tick
from exchange import policy
from exchange.delivery import day_of
from exchange.office import Office
from exchange.opened import Opened
from exchange.reading import Preview, flag_values, read_register

TICK: Final = Markup('{}<span class="visually-hidden">: {}</span>')
FormOf = TypeVar("FormOf", bound=DeskForm)
ROOT_WORDS: Final = {
    RootState.VERIFIED: ("ok", "patch-check", _l("Compared")),
    RootState.UNVERIFIED: ("warn", "exclamation-triangle-fill", _l("Not compared yet")),
    RootState.CHANGED: ("stop", "x-octagon-fill", _l("Changed since it was compared")),
    RootState.REFUSED: ("stop", "x-octagon-fill", _l("Found to be another key")),
}


@dataclass(frozen=True, slots=True)
class FlagShown:
    """One protection flag.

    Attributes:
        name: of the tick that says that it was read; it changes with the flag.
        is_new: it was not there when the bundle was opened.
    """

    name: str
    flag: str
    pseudonym: str
    concerns: Sequence[str]
    title: str
    meaning: str
    raiser: str
    start: str | None
    until: str | None
    remarks: Sequence[Mapping[str, Any]] = field(repr=False)
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class CodeShown:
    """One handling code."""

    code: str
    mark: str
    meaning: str


def flags_of(
    flags: Iterable[Mapping[str, Any]], sender: str, *, known: Iterable[bytes] | None = None
) -> list[FlagShown]:
    """The flags that count today.

    Args:
        known: digests of the flags that were there before; None marks none as new.
    """
    before = None if known is None else set(known)
    found = []
    for one in policy.active_flags(flags, day_of(access.now())):
        title, meaning = INSTRUCTIONS.get(str(one["instruction"]), (one["instruction"], ""))
        words = str(meaning) % {"raiser": one["raiser"], "sender": sender} if meaning else ""
        found.append(
            FlagShown(
                f"read_{one['digest'].hex()[:16]}", str(one["flag"]), str(one["pseudonym"]), one["concerns"],
                str(title), words, str(one["raiser"]), one["from"], one["until"], one["remarks"],
                before is not None and one["digest"] not in before,
            )
        )  # fmt: skip
    return found


def flags_now(office: Office, opened: Opened) -> list[FlagShown]:
    """The flags of an opened bundle as they stand at this desk now; those that came since are marked."""
    with office.files.session() as db:
        _, records = read_register(db, office, opened.bundle_id, opened.stanza.r, now=access.now())
    return flags_of(flag_values(records), opened.header.sender_agency, known=[one["digest"] for one in opened.flags])


def codes_of(codes: Iterable[str], sender: str) -> list[CodeShown]:
    """Handling codes with their meaning."""
    found = []
    for code in codes:
        mark, meaning = code_words(code)
        found.append(CodeShown(code, str(mark), str(meaning) % {"sender": sender}))
    return found


def key_state(office: Office, agency: str) -> tuple[str, str, Any]:
    """Tag of the state of an agency's key: kind, symbol, words."""
    with office.files.session() as db:
        return ROOT_WORDS[comparison.root_state(db, office.directory(db), agency)]


def second_officer(seen: Preview, *, takes_two: bool) -> str:
    """Whether a second officer is needed, and why."""
    if not takes_two:
        return str(_("Not needed"))
    if seen.cover.threshold > 1:
        return str(_("Needed: it was sealed for two"))
    return str(_("Needed: a flag asks for it"))


def with_ticks(form: type[FormOf], flags: Iterable[FlagShown]) -> FormOf:
    """A form with a tick for each flag, under a name that changes with the flag: a new one is never ticked before."""
    ticks = {
        one.name: tick(
            TICK.format(_("I have read this and will act on it"), one.title),
            missing=_("Tick that you have read the flag “%(flag)s”", flag=one.title),
        )
        for one in flags
    }  # fmt: skip
    return with_first(form, ticks)


def with_first(form: type[FormOf], fields: Mapping[str, Any]) -> FormOf:
    """A form with further fields before its own, so that the summary of mistakes follows the page."""
    for number, one in enumerate(fields.values()):
        one.creation_counter = number - len(fields)
    made: FormOf = type(form.__name__, (form,), dict(fields))()
    return made


def heading_of(flags: Sequence[FlagShown]) -> str:
    """How many flags there are, and why that matters."""
    return str(
        ngettext(
            "A protection flag: somebody may be hurt if it is missed",
            "%(num)d protection flags: somebody may be hurt if these are missed",
            len(flags),
        )
    )
