"""The agency's record: who did what and when, without content; samples, reasons that are asked, and the export."""

import datetime
import io
import re
import secrets
import zipfile
from dataclasses import replace
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, flash, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from agencies import reasons
from desk import languages
from desk.access import any_officer, may, needs, now, office, officer
from desk.casework import identifier
from desk.forms import DeskForm, done, long_text, once
from desk.lists import PER_PAGE, Pages, wanted_page
from desk.printing import print_record
from errors import AmparoError
from exchange import record, record_exports
from exchange.record import Filter

pages: Final = Blueprint("record", __name__)
SEED: Final = re.compile(r"[0-9a-f]{16}\Z")
MOST_PRINTED: Final = 500
DAY_SECONDS: Final = 86_400

# What each kind of line is called. A kind that is not here is shown by its own word.
KINDS: Final = {
    "sign-in-open": _l("Signed in"),
    "sign-in-passphrase": _l("Wrong passphrase"),
    "sign-in-factor": _l("Wrong second factor"),
    "appointed": _l("Officer appointed"),
    "renewed": _l("New keys given"),
    "departed": _l("Appointment ended"),
    "factors-reset": _l("Second factors reset"),
    "compared": _l("Fingerprint compared"),
    "excluded": _l("Officer kept out of a case"),
    "case-handed-over": _l("Cases handed over"),
    "shares-issued": _l("New shares"),
    "recovered": _l("Case keys recovered"),
    "bundles-recovered": _l("Bundle keys recovered"),
    "record-exported": _l("Record exported"),
    "drilled": _l("Copy tried out"),
    "copied": _l("Copy made"),
    "reidentified": _l("Looked behind a pseudonym"),
    "deposited": _l("Bundle sent"),
    "open-requested": _l("Opening asked for"),
    "opened": _l("Bundle opened"),
    "open-failed": _l("Opening failed"),
    "returned": _l("Bundle returned"),
    "filed": _l("Filed out of a bundle"),
    "stanza-handed-on": _l("Bundle key handed on"),
    "addendum": _l("Recipient added"),
    "half-lost-notice": _l("Lost key half noted"),
    "handle-held": _l("Consent held"),
    "handle-lifted": _l("Hold lifted"),
    "handle-destroyed": _l("Withdrawal made final"),
    "purge-receipt": _l("Deletion answered"),
    "custody": _l("Custody entry signed"),
    "open-asked": _l("Second officer asked: opening"),
    "open-approved": _l("Second officer agreed: opening"),
    "open-denied": _l("Second officer refused: opening"),
    "seal-asked": _l("Second officer asked: sharing"),
    "seal-approved": _l("Second officer agreed: sharing"),
    "seal-denied": _l("Second officer refused: sharing"),
    "hand-on-asked": _l("Second officer asked: handing on"),
    "hand-on-approved": _l("Second officer agreed: handing on"),
    "hand-on-denied": _l("Second officer refused: handing on"),
    "keep-asked": _l("Second officer asked: keeping"),
    "keep-approved": _l("Second officer agreed: keeping"),
    "keep-denied": _l("Second officer refused: keeping"),
    "lift-asked": _l("Second officer asked: lifting a hold"),
    "lift-approved": _l("Second officer agreed: lifting a hold"),
    "lift-denied": _l("Second officer refused: lifting a hold"),
    "destroy-asked": _l("Second officer asked: withdrawal"),
    "destroy-approved": _l("Second officer agreed: withdrawal"),
    "destroy-denied": _l("Second officer refused: withdrawal"),
    "lower-asked": _l("Second officer asked: lowering a flag"),
    "lower-approved": _l("Second officer agreed: lowering a flag"),
    "lower-denied": _l("Second officer refused: lowering a flag"),
}


def words_of(kind: str) -> str:
    """What a kind of line is called."""
    return str(KINDS.get(kind, kind))


# ---- The list ---------------------------------------------------------------------------------------------------


@pages.get("/record")
@needs("record-read")
def page() -> ResponseReturnValue:
    """The record, newest first, filtered by the address."""
    wanted, shown = _filter()
    with office().files.session() as db:
        record.catch_up(db)
        total = record.count(db, wanted)
        count = max(1, -(-total // PER_PAGE))
        here = min(wanted_page(), count)
        found = record.lines(db, wanted, start=(here - 1) * PER_PAGE, most=PER_PAGE)
        options = {"officers": record.officers(db), "kinds": [(one, words_of(one)) for one in record.kinds(db)]}
    return render_template(
        "record/page.html", lines=found, total=total, pages=Pages(here, count), shown=shown, options=options,
        words_of=words_of, is_filtered=any(shown.values()), audits=may("audit"),
    )  # fmt: skip


def _filter() -> tuple[Filter, dict[str, str]]:
    """What the address asks for, and the same as it is shown in the form; what makes no sense is left out."""
    typed = {name: request.args.get(name, "").strip()[:64] for name in ("officer", "what", "case", "from", "to")}
    since, until = _day(typed["from"]), _day(typed["to"])
    wanted = Filter(
        typed["officer"] or None, typed["what"] or None, typed["case"] or None, since,
        None if until is None else until + DAY_SECONDS, reader=_reader(),
    )  # fmt: skip
    return wanted, typed


def _reader() -> str | None:
    """Whose cases limit what is shown: nobody's for the auditor."""
    return None if may("audit") else officer().handle


def _day(text: str) -> int | None:
    try:
        found = datetime.date.fromisoformat(text)
    except ValueError:
        return None
    zone = ZoneInfo(office().settings.time_zone)
    return int(datetime.datetime.combine(found, datetime.time(), zone).timestamp())


# ---- Samples ----------------------------------------------------------------------------------------------------


@pages.post("/record/sample")
@needs("audit")
def draw() -> ResponseReturnValue:
    """Draw a sample; its seed stands in the address, so that everybody can draw the same one again."""
    _wanted, shown = _filter()
    typed = request.form.get("size", "")
    size = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 5 else 20
    with office().files.session() as db:
        record.catch_up(db)
        last = record.newest(db)
    kept: dict[str, Any] = {name: value for name, value in shown.items() if value}
    drawn = min(max(size, 1), record.MOST_SAMPLE)
    return done(url_for("record.sample", seed=secrets.token_hex(8), size=drawn, last=last, **kept))


@pages.get("/record/sample")
@needs("audit")
def sample() -> ResponseReturnValue:
    """A sample: the same seed over the same lines gives the same ones."""
    seed = request.args.get("seed", "")
    size, last = request.args.get("size", "20"), request.args.get("last", "")
    if not seed:
        return render_template("record/sample.html", lines=[], seed="", population=0, words_of=words_of, last=None)
    if not SEED.match(seed) or not (size.isascii() and size.isdigit() and len(size) < 5):
        abort(404)
    wanted, _shown = _filter()
    if last.isascii() and last.isdigit() and len(last) < 16:
        wanted = replace(wanted, last=int(last))
    with office().files.session() as db:
        population = record.count(db, wanted)
        found = record.sample(db, wanted, seed=seed, most=int(size))
    return render_template(
        "record/sample.html", lines=found, seed=seed, population=population, words_of=words_of, last=wanted.last,
    )  # fmt: skip


# ---- One line, and the reason for it ----------------------------------------------------------------------------


class QuestionForm(DeskForm):
    """What the auditor wants to know."""

    question = long_text(
        _l("Your question"), missing=_l("Write what you want to know"), most=reasons.MOST_SIGNS,
        hint=_l("Only you and this officer can read it, and the answer. Write no name."),
    )  # fmt: skip


class AnswerForm(DeskForm):
    """What the officer says."""

    answer = long_text(
        _l("Your answer"), missing=_l("Write your answer"), most=reasons.MOST_SIGNS,
        hint=_l("Only the auditor and you can read it. It cannot be changed afterwards. Write no name."),
    )  # fmt: skip


@pages.route("/record/<int:number>", methods=["GET", "POST"])
@needs("record-read")
@once
def line(number: int) -> ResponseReturnValue:
    """One line; the auditor asks its officer for the reason."""
    if number >= 2**62:
        abort(404)
    form = QuestionForm()
    with office().files.session() as db:
        found = record.get_line(db, number, _reader())
        asked = reasons.by_me(db, officer(), number) if may("audit") else []
    if form.is_submitted():
        officer().require("audit")
    if form.is_sent():
        try:
            with office().files.session() as db:
                reasons.ask(db, officer(), number, found.officer, str(form.question.data), now=now())
        except AmparoError as error:
            form.refuse("question", _(error.message))
        else:
            flash(_("The question is put to the officer."), "ok")
            return done(url_for("record.line", number=number))
    return render_template(
        "record/line.html", form=form, line=found, asked=asked, words_of=words_of, audits=may("audit"),
        is_mine=found.officer == officer().handle,
    )  # fmt: skip


@pages.get("/record/questions")
@any_officer
def questions() -> ResponseReturnValue:
    """Questions to me about lines of the record; for an auditor those that she has put."""
    with office().files.session() as db:
        mine = reasons.to_me(db, officer())
        put = reasons.by_me(db, officer()) if may("audit") else []
        about = {}
        for one in (*mine, *put):
            try:
                about[one.line] = record.get_line(db, one.line)
            except AmparoError:
                continue
    return render_template("record/questions.html", mine=mine, put=put, about=about, words_of=words_of)


@pages.route("/record/questions/<reason_id>", methods=["GET", "POST"])
@any_officer
@once
def reply(reason_id: str) -> ResponseReturnValue:
    """Answer a question."""
    form, wanted = AnswerForm(), identifier(reason_id)
    with office().files.session() as db:
        found = reasons.get(db, officer(), wanted)
        about = record.get_line(db, found.line)
    if form.is_sent():
        try:
            with office().files.session() as db:
                reasons.answer(db, officer(), wanted, str(form.answer.data), now=now())
        except AmparoError as error:
            form.refuse("answer", _(error.message))
        else:
            flash(_("Your answer is with the auditor."), "ok")
            return done(url_for("record.questions"))
    return render_template("record/reply.html", form=form, asked=found, line=about, words_of=words_of)


def open_questions() -> int:
    """How many questions wait for the signed-in officer; for Today and for the settings."""
    with office().files.session() as db:
        return reasons.count_open(db, officer().handle)


# ---- Export -----------------------------------------------------------------------------------------------------


@pages.post("/record/export")
@needs("audit")
def export() -> ResponseReturnValue:
    """CSV, PDF and the signed act that holds the CSV's digest, in one file."""
    wanted, _shown = _filter()
    moment = now()
    with office().files.session() as db:
        record.catch_up(db)
        made = record_exports.export(db, officer(), wanted, now=moment)
    kinds: dict[str, int] = {}
    for one in made.lines:
        kinds[one.kind] = kinds.get(one.kind, 0) + 1
    pdf = print_record(
        {
            "agency": office().agency, "made": languages.exact(moment), "by": officer().handle,
            "digest": made.digest.hex(), "act": made.act_number, "rows": len(made.lines),
            "kinds": [(words_of(kind), count) for kind, count in sorted(kinds.items())],
            "lines": [
                (one.number, languages.exact(one.at), one.officer, words_of(one.kind), one.case or "-")
                for one in made.lines[:MOST_PRINTED]
            ],
            "most": MOST_PRINTED,
        },
        made.digest,
    )  # fmt: skip
    return send_file(
        io.BytesIO(_zipped(made, pdf)), mimetype="application/zip", as_attachment=True,
        download_name=f"record-{office().agency}-{made.act_number}.zip",
    )  # fmt: skip


def _zipped(made: record_exports.Exported, pdf: bytes) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("record.csv", made.csv)
        archive.writestr("record.pdf", pdf)
        archive.writestr("record.act", made.act)
        archive.writestr(
            "README.txt",
            f"record.act is act {made.act_number} of this agency's record of acts, signed by its auditor.\n"
            "Its fact sha256 (base64url) is the SHA-256 of record.csv, here in hexadecimal digits:\n"
            f"{made.digest.hex()}\n",
        )
    return into.getvalue()
