"""Checking an evidence pack on a page: without a sign-in, without an account, without the network.

The same check as `amparo verify`, and the same words. What is uploaded is sealed while it arrives and gone at the end.
"""

from typing import Any, Final, cast

from flask import Blueprint, make_response, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms.validators import Optional

from desk import languages
from desk.access import office, without_sign_in
from desk.forms import DeskForm, file
from desk.sealed_file import read_through
from desk.uploads import passing, takes_passing
from evidence.pack_report import PROVEN, REFUSED, WHOLE, examine_stream, log_words, made_words
from evidence.pack_texts import one_line
from evidence.verification import TRUST_LIMIT

pages: Final = Blueprint("verify", __name__)

# result: tone, symbol, headline, what it means
RESULTS: Final[dict[int, tuple[str, str, Any, Any]]] = {
    PROVEN: (
        "ok", "check-circle-fill", _l("Proven against the trust file you gave"),
        _l("Every file is the one that its agency recorded, the custody is whole, and the signers are proven from the "
           "agencies’ keys in your trust file."),
    ),
    WHOLE: (
        "warn", "exclamation-triangle-fill", _l("Whole, but its signers are not checked"),
        _l("Nothing in the pack contradicts itself. Who made it is not proven: whoever could forge the pack could "
           "forge the keys in it. Check it again with a trust file from outside the pack."),
    ),
    REFUSED: (
        "stop", "x-octagon-fill", _l("Refused"),
        _l("Keep the pack as it is and ask the agency that made it."),
    ),
}  # fmt: skip


class PackForm(DeskForm):
    """A pack, and a trust file if there is one."""

    pack = file(_l("Evidence pack"), hint=_l("The zip file as it was given to you. Do not unpack and pack it again."))
    trust = file(
        _l("Trust file"), hint=_l("Often called trust.txt. Take one that did not come with the pack, and compare its "
                                  "SHA-256 with the one that the court has on paper."),
        validators=[Optional()],
    )  # fmt: skip


def _most_bytes() -> int:
    return int(office().settings.max_pack_bytes)


@pages.route("/verify", methods=["GET", "POST"])
@without_sign_in
@takes_passing(_most_bytes)
def check() -> ResponseReturnValue:
    """The form, and after it the result."""
    form = PackForm()
    if not form.is_sent():
        return _page(form)
    pack, trust = passing(form, "pack"), passing(form, "trust")
    if form.errors:
        return _page(form, 413)
    if pack is None:
        form.refuse("pack", _("Choose the pack"))
    if trust is not None and trust.size_bytes > TRUST_LIMIT:
        form.refuse("trust", _("This is too large to be a trust file"))
    if form.errors or pack is None:
        return _page(form, 400)
    trust_file = None if trust is None else read_through(trust).read()
    status, report = examine_stream(cast(Any, read_through(pack)), trust_file)
    return render_template("verify/result.html", **_shown(status, report))


def _page(form: PackForm, status: int = 200) -> ResponseReturnValue:
    return make_response(render_template("verify/form.html", form=form, most=languages.size(_most_bytes())), status)


def _shown(status: int, report: dict[str, Any]) -> dict[str, Any]:
    """What the page says; every word out of the pack on one line, without signs that steer."""
    tone, symbol, headline, meaning = RESULTS[status]
    found: dict[str, Any] = {
        "tone": tone, "symbol": symbol, "headline": headline, "meaning": meaning, "code": report.get("code"),
        "is_refused": status == REFUSED, "is_proven": status == PROVEN,
        "digests": [(_("Pack"), report.get("pack_sha256")), (_("Trust file"), report.get("trust_sha256"))],
        "pack": None, "checks": [], "gaps": [], "disclosed": [], "limits": [], "message": None, "explained": None,
    }  # fmt: skip
    if status == REFUSED:
        return found | {"message": one_line(report["message"]), "explained": report.get("meaning")}
    return found | {
        "pack": one_line(made_words(report)),
        "checks": [one_line(words) for words in (*report["checks"], log_words(report))],
        **{name: [one_line(words) for words in report[name]] for name in ("gaps", "disclosed", "limits")},
    }
