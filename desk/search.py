"""Search over what the officer may see, in memory. What is typed stands in no address: a random number does."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from agencies.rights import has_right
from desk import case_words, places
from desk.access import needs, office, officer
from desk.forms import DeskForm, done, once, text
from desk.paging import paged
from desk.session import SignedIn
from errors import AmparoError
from exchange import search_hits
from exchange.search_index import Found, SearchIndex

pages: Final = Blueprint("search", __name__)
MOST_KEPT: Final = 20
LONGEST_NUMBER: Final = 32


TOO_SHORT: Final = _l("Write at least two letters or digits of what you look for")


class SearchForm(DeskForm):
    """Words."""

    words = text(
        _l("Words"), missing=TOO_SHORT,
        hint=_l("A file number, a title, a name, a phone number, an exhibit, an agency. All words have to fit."),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the reading after the sign-in is."""

    read: int
    total: int
    is_complete: bool


# ---- The index of a session -------------------------------------------------------------------------------------


def begin_index(entry: SignedIn) -> None:
    """Begin to read what an officer may search, once she has signed in."""
    if has_right(entry.officer.roles, "case-read"):
        desk = office()
        entry.index = SearchIndex(desk.files, entry.officer, lambda db: desk.directory(db).agencies)
        entry.index.start()


def index() -> SearchIndex | None:
    """The index of this session."""
    found: SearchIndex | None = current_user.index
    return found


def progress() -> Progress:
    """How far the reading is."""
    found = index()
    return Progress(0, 0, False) if found is None else Progress(found.read, found.total, found.is_complete)


def cases_at(stage: str) -> set[bytes]:
    """Cases at a stage, as far as they have been read."""
    found = index()
    return set() if found is None else found.cases_at(stage)


def renew(case_ids: Sequence[bytes]) -> None:
    """Read cases again after this officer has changed them."""
    found = index()
    if found is not None:
        found.renew(case_ids)


@pages.after_app_request
def _renew_changed(answer: Response) -> Response:
    """A form that did something to a case: what it wrote is found at once."""
    case_id = (request.view_args or {}).get("case_id")
    if request.method == "POST" and answer.status_code in (302, 303) and isinstance(case_id, str):
        is_id = len(case_id) == 32 and all(one in "0123456789abcdef" for one in case_id)
        if is_id and current_user.is_authenticated:
            with suppress(AmparoError):  # the desk locked meanwhile: there is nothing to renew
                renew([bytes.fromhex(case_id)])
    return answer


# ---- Pages ------------------------------------------------------------------------------------------------------


@pages.route("/search", methods=["GET", "POST"])
@needs("case-read")
@once
def page() -> ResponseReturnValue:
    """Look for words; the answer is a page of its own, so that it can be loaded again."""
    form = SearchForm()
    if form.is_sent() and search_hits.is_enough(form.words.data or ""):
        return done(url_for("search.results", number=_remember(form.words.data or "")))
    if form.is_submitted() and not form.errors:
        form.refuse("words", str(TOO_SHORT))
    return render_template("search/search.html", form=form, progress=progress(), words=case_words, hits=None)


@pages.get("/search/<number>")
@needs("case-read")
def results(number: str) -> ResponseReturnValue:
    """What a search found. The words are kept in memory until the lock."""
    words = current_user.searched.get(number[:LONGEST_NUMBER])
    if words is None:
        return redirect(url_for("search.page"))
    form = SearchForm(data={"words": words})
    with office().files.reading() as db:
        found = _find(db, officer(), words)
        rows, where = paged(found.hits)
        hits = search_hits.describe(db, officer(), rows)
    return render_template(
        "search/search.html", form=form, progress=progress(), words=case_words, hits=hits, pages=where, found=found,
        places=places,
    )  # fmt: skip


def _find(db: Session, by: OfficerSession, words: str) -> Found:
    found = index()
    return Found((), False, False) if found is None else found.find(db, words)


def _remember(words: str) -> str:
    kept: Any = current_user.searched
    number = secrets.token_urlsafe(12)
    kept[number] = words
    while len(kept) > MOST_KEPT:
        kept.popitem(last=False)
    return number
