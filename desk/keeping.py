"""Going on with an opened bundle: keep parts of it in a case, hand its key to a colleague, take a file out."""

from collections.abc import Iterator
from typing import Any

from flask import Response, flash, redirect, render_template, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from agencies import cases
from agencies.rights import has_right
from desk import access, languages, opened_files, progress
from desk.access import needs, now, office, officer
from desk.casework import identifier
from desk.forms import DeskForm, done, long_text, once, select, some_of, tick
from desk.inbox import to_cover
from desk.jobs import Progress
from desk.opened import held_of, pages, shown_of
from desk.opened_store import Held
from errors import AmparoError, FlagForbids
from evidence.readers import Material
from exchange import adopting, case_lists, exports, handing_on
from exchange.reading import preview

__all__ = ["case_choices", "pages"]
LONGEST_REASON = 200
MOST_TITLES = 300  # a title has to be opened with the key of its case


def case_choices() -> list[tuple[str, str]]:
    """Cases of the officer's teams, by file number and title; of very many the number alone."""
    with office().files.reading() as db:
        if case_lists.count(db, officer()) > MOST_TITLES:
            return [(one.case_id.hex(), one.handle) for one in case_lists.list_handles(db, officer())[:]]
        return [
            (one.case_id.hex(), f"{one.handle}  {cases.read_facts(db, officer(), one).get('title', '')}".strip())
            for one in cases.list_cases(db, officer())
        ]


# ---- Keeping in a case ------------------------------------------------------------------------------------------


class KeepForm(DeskForm):
    """What is kept, and where."""

    case = select(_l("Case"), missing=_l("Choose the case in which it is kept"))
    items = some_of(_l("What do you keep?"))
    with_exhibits = tick(
        _l("Enter the exhibits into the register of the case"),
        hint=_l(
            "With their numbers, handling codes and custody so far. The custody is checked against the shared log."
        ),
    )


@pages.route("/inbox/<bundle_id>/keep", methods=["GET", "POST"])
@needs("file")
@once
def keep(bundle_id: str) -> ResponseReturnValue:
    """Keep parts of an opened bundle in a case, on record."""
    raw = identifier(bundle_id)
    held = held_of(raw)
    if held is None:
        return to_cover(raw)
    form = KeepForm()
    form.case.choices = [("", _("Choose a case")), *case_choices()]
    form.items.choices = _items(held)
    if form.is_sent():
        if form.items.data or form.with_exhibits.data:
            return _keep(held, form)
        form.refuse("items", _("Choose what to keep"))
    return render_template("inbox/keep.html", **shown_of(held), bundle_form=form)


def _items(held: Held) -> list[tuple[str, str]]:
    labels = opened_files.labels_of(held)
    found = [("0", _("The note: what the bundle says, as its sender wrote it"))]
    for one in held.opened.entries[1:]:
        name = labels.get(str(one.entry["file"]), str(one.index))
        found.append((str(one.index), f"{name}  {one.entry['media_type']}, {languages.size(one.size_bytes)}"))
    return found


def _keep(held: Held, form: KeepForm) -> ResponseReturnValue:
    desk, keeper, case_id = office(), officer(), identifier(str(form.case.data))
    indices = [int(one) for one in form.items.data or ()]
    with_exhibits, total = bool(form.with_exhibits.data), len(indices)
    back = url_for("inbox.keep", bundle_id=held.opened.bundle_id.hex())
    to = url_for("kept.items", case=case_id.hex())

    def work(tell: Progress) -> str:
        tell(0, total + 1)
        with held.reading:
            adopting.keep_in_case(
                desk, keeper, held.opened, case_id, indices, with_exhibits=with_exhibits, now=access.now()
            )
        return to

    return progress.begin("keep", work, back=back)


# ---- To a colleague ---------------------------------------------------------------------------------------------


class HandOnForm(DeskForm):
    """To whom, and why."""

    to = select(_l("Colleague"), missing=_l("Choose a colleague"))
    reason = long_text(
        _l("Why do you hand it on?"), missing=_l("Say why you hand it on"), most=LONGEST_REASON,
        hint=_l("Holiday, departure, another officer for the case. It stands in the record; the sender reads it."),
    )  # fmt: skip


@pages.route("/inbox/<bundle_id>/hand-on", methods=["GET", "POST"])
@needs("hand-on")
@once
def hand_on(bundle_id: str) -> ResponseReturnValue:
    """Give the own key to a bundle to a colleague, on the record."""
    raw = identifier(bundle_id)
    seen = preview(office(), officer(), raw, now=now())
    form = HandOnForm()
    form.to.choices = [("", _("Choose a colleague")), *((one, one) for one in _colleagues())]
    if form.is_sent():
        try:
            handing_on.hand_on(office(), officer(), raw, str(form.to.data), reason=str(form.reason.data), now=now())
        except AmparoError as error:
            form.refuse("to", _(error.message))
        else:
            flash(_("It is handed on. Your colleague finds it in the inbox."), "ok")
            return done(url_for("inbox.bundle", bundle_id=bundle_id))
    return render_template(
        "inbox/hand_on.html", form=form, bundle_id=bundle_id, sender=seen.header.sender_agency,
        threshold=seen.cover.threshold, has_colleagues=len(form.to.choices) > 1,
    )  # fmt: skip


def _colleagues() -> list[str]:
    with office().files.session() as db:
        certified = office().directory(db).officers(office().agency)
    return sorted(one.subject for one in certified if one.subject != officer().handle and has_right(one.roles, "open"))


# ---- Out of the desk --------------------------------------------------------------------------------------------


@pages.get("/inbox/<bundle_id>/out")
@needs("open")
def out(bundle_id: str) -> ResponseReturnValue:
    """The files of a bundle that was opened to be taken out."""
    raw = identifier(bundle_id)
    held = held_of(raw)
    if held is None:
        return to_cover(raw)
    return render_template("inbox/out.html", **shown_of(held), labels=opened_files.labels_of(held))


@pages.post("/inbox/<bundle_id>/out/<int:number>")
@needs("open")
def take_out(bundle_id: str, number: int) -> ResponseReturnValue:
    """One file as a plain file. Whoever raised a flag against it is told before the first one goes.

    Raises:
        FlagForbids: the record of the opening does not say that files are taken out.
    """
    raw = identifier(bundle_id)
    held = held_of(raw)
    if held is None:
        return redirect(url_for("inbox.bundle", bundle_id=bundle_id), 303)
    if held.as_files is None:
        raise FlagForbids("this was opened to be read here; open it again and say that you will take files out")
    file = opened_files.of_opened(held, number)
    with held.reading:
        if not held.is_told:
            exports.tell_as_files(office(), officer(), held.opened, held.as_files, now=now())
            held.is_told = True
    headers: dict[str, Any] = {
        "Content-Disposition": f'attachment; filename="file-{number:03d}"', "Content-Length": str(file.size_bytes),
    }  # fmt: skip
    return Response(stream_with_context(_whole(file)), mimetype="application/octet-stream", headers=headers)


def _whole(file: Material) -> Iterator[bytes]:
    yield from file.read(0, file.size_bytes)
