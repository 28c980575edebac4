"""After the first run: what is true now, what is still to do, and how the agency comes into the network."""

import io
from typing import Any, Final

from flask import Blueprint, abort, flash, render_template, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from agencies import factors, setup
from crypto.statements import parse_statement
from desk.access import needs, now, office, officer
from desk.forms import DeskForm, done, file, once
from desk.uploads import document, takes_document
from errors import AmparoError
from exchange import backups, comparing, first_run, membership

pages: Final = Blueprint("first_steps", __name__)


class FoundingForm(DeskForm):
    """The founding of a network, as another founder has proposed it."""

    statement = file(_l("File of the founding"), hint=_l("As the founder who proposes it has sent it to you."))


@pages.get("/settings/first-steps")
@needs("administer")
def page() -> ResponseReturnValue:
    """What is true now, and what is still to do."""
    return _page(FoundingForm())


def _page(form: FoundingForm) -> ResponseReturnValue:
    with office().files.session() as db:
        waiting = len(first_run.waiting(db))
        is_asked = first_run.admission_request(db) is not None
        factor_count = len(factors.list_factors(db, officer().handle))
        overdue = backups.is_overdue(db, now=now())
        holders = len(setup.share_holders(db, setup.ROOT))
        compared = comparing.uncompared(db, office())
    return render_template(
        "setup/first_steps.html", form=form, waiting=waiting, is_asked=is_asked, factors=factor_count,
        missing=set(membership.missing(office())), overdue=overdue, holders=holders, uncompared=compared,
        asks_factor=office().settings.second_factor != "off", on_table=len(current_user.table.get(setup.ROOT, [])),
    )  # fmt: skip


@pages.get("/settings/first-steps/file/<name>")
@needs("administer")
def paper(name: str) -> ResponseReturnValue:
    """The request for admission, signed by the root; or what a founding says of this agency. Neither holds a secret."""
    with office().files.session() as db:
        if name == "agency":
            return _download(first_run.agency_file(db), f"agency-{office().agency}.json")
        raw = first_run.admission_request(db) if name == "request" else None
    if raw is None:
        abort(404)
    return _download(raw, f"admission-{office().agency}.statement")


def _download(raw: bytes, name: str) -> ResponseReturnValue:
    return send_file(io.BytesIO(raw), mimetype="application/octet-stream", as_attachment=True, download_name=name)


@pages.post("/settings/first-steps/come-in")
@needs("administer")
@once
def come_in() -> ResponseReturnValue:
    """Look whether members of the network have admitted the agency; then send its certificates."""
    if first_run.come_in(office(), now=now()):
        flash(
            _("The agency is in the network. Its administrators, its recovery key and this desk are certified."), "ok"
        )
    else:
        flash(
            _("The network does not know this agency yet. Two administrators of each of two members admit it."), "note"
        )
    return done(url_for("first_steps.page"))


@pages.post("/settings/first-steps/founding")
@needs("administer")
@takes_document
def founding() -> ResponseReturnValue:
    """Sign the founding of a network with the root, whose shares lie on the table; the signed file comes back."""
    form: Any = FoundingForm()
    raw = document(form, "statement", missing=_("Choose the file of the founding")) if form.is_sent() else None
    if raw is None:
        return _page(form)
    papers = current_user.table.get(setup.ROOT, [])
    try:
        signed = first_run.sign_founding(office(), parse_statement(raw), papers)
    except AmparoError as error:
        form.refuse("statement", _(error.message))
        return _page(form)
    current_user.table.pop(setup.ROOT, None)
    return _download(signed.dump(), "founding.statement")
