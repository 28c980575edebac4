"""Help: the way of the officer's role, what the role may do, and the words of the pages; made to be printed too."""

from typing import Final

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from agencies.rights import MEANINGS, RIGHTS
from desk import guide_words
from desk.access import any_officer, may, officer

pages: Final = Blueprint("guide", __name__)


@pages.get("/help")
@any_officer
def page() -> ResponseReturnValue:
    """One sheet for each role that the officer has."""
    return render_template(
        "guide/page.html", words=guide_words, roles=[one for one in guide_words.ROLES if one in officer().roles],
        rights=[_(MEANINGS[right]) for right in RIGHTS if may(right)],
    )  # fmt: skip
