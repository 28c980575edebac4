"""The link chart of a case, and the page on which its links are added and removed."""

from typing import Any, Final

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from desk import case_words, chart_layout, languages, places
from desk.access import identifier, needs, now, office, officer
from desk.case_view import Shown, show
from desk.forms import DeskForm, done, once, one_of, options, select, text
from errors import AmparoError
from evidence import exhibits
from exchange import case_links
from exchange.case_links import Chart, Node
from identity.persons import ROLES

pages: Final = Blueprint("charts", __name__)
MOST_NODES: Final = 40


class ThingForm(DeskForm):
    """A phone, an account, a place ..."""

    kind = select(_l("Kind"), options(case_links.KINDS, case_words.THINGS.__getitem__), missing=_l("Choose a kind"))
    label = text(
        _l("What the team calls it"), missing=_l("Write what the team calls it"), most=case_links.LONGEST_LABEL,
        hint=_l("For example: T-1, or the last digits of a number"),
    )  # fmt: skip


class LinkForm(DeskForm):
    """A link."""

    start = select(_l("From"), missing=_l("Choose where the link begins"))
    label = text(
        _l("Link"), missing=_l("Write what links them"), most=case_links.LONGEST_LABEL,
        hint=_l("A word or two, such as: recruited, called, worked at"),
    )  # fmt: skip
    end = select(_l("To"), missing=_l("Choose where the link ends"))
    state = one_of(
        _l("How is it known?"), options(case_links.STATES, case_words.LINK_STATES.__getitem__),
        missing=_l("Choose how it is known"),
    )  # fmt: skip
    exhibit = select(_l("Exhibit that confirms it"))


@pages.get("/cases/<case_id>/chart")
@needs("case-read")
def chart(case_id: str) -> ResponseReturnValue:
    """The chart; of a large one, what is around one node."""
    number = identifier(case_id)
    with office().files.session() as db:
        shown = show(db, office(), officer(), number)
        found = case_links.read(db, officer(), number)
        numbers = _exhibits(db, number)
    linked = _linked(found)
    centre = found.node(request.args.get("around", ""))
    drawn = linked if centre is None else found.around(centre.key, MOST_NODES)
    is_large = centre is None and len(linked.nodes) > MOST_NODES
    picture = None if is_large or not drawn.links else _picture(drawn)
    return render_template(
        "casework/chart.html", case=shown, chart=drawn, whole=linked, picture=picture, is_large=is_large, centre=centre,
        words=case_words, names={one.key: one for one in found.nodes}, numbers=numbers, here="chart", places=places,
        most=MOST_NODES, kind_of=kind_of,
    )  # fmt: skip


def _linked(found: Chart) -> Chart:
    """Without persons and things that nothing is linked to."""
    ends = {end for one in found.links for end in (one.start, one.end)}
    return Chart(tuple(one for one in found.nodes if one.key in ends), found.links, found.hides_persons)


def _picture(drawn: Chart) -> chart_layout.Picture:
    return chart_layout.lay_out(
        [one.key for one in drawn.nodes], [(one.number, one.start, one.end) for one in drawn.links],
        mirrored=languages.direction() == "rtl",
    )  # fmt: skip


def _exhibits(db: Session, case_id: bytes) -> dict[bytes, str]:
    return {one.object_id: one.local_number for one in exhibits.list_exhibits(db, officer(), case_id)}


def kind_of(node: Node) -> str:
    """What a node is, in a word."""
    return str((case_words.ROLES if node.kind in ROLES else case_words.THINGS)[node.kind])


def named(node: Node) -> str:
    """A node in a list."""
    return str(_("%(label)s, %(kind)s", label=node.label, kind=kind_of(node)))


@pages.route("/cases/<case_id>/chart/links", methods=["GET", "POST"])
@needs("case-create")
@once
def links(case_id: str) -> ResponseReturnValue:
    """Add a link; below it every link with a button to remove it."""
    number = identifier(case_id)
    shown, found, numbers = _look(number)
    form = LinkForm()
    ends = [("", _("Choose")), *((one.key, named(one)) for one in found.nodes)]
    form.start.choices = form.end.choices = ends
    form.exhibit.choices = [("", _("None")), *((one.hex(), text_of) for one, text_of in numbers.items())]
    if form.is_sent() and _added(form, number):
        flash(_("The link is in the chart."), "ok")
        return done(url_for("charts.links", case_id=case_id))
    return render_template(
        "casework/links.html", case=shown, chart=found, form=form, names={one.key: one for one in found.nodes},
        numbers=numbers, words=case_words, kind_of=kind_of,
    )  # fmt: skip


def _added(form: LinkForm, case_id: bytes) -> bool:
    exhibit = bytes.fromhex(form.exhibit.data) if form.exhibit.data else None
    if form.state.data == case_links.STATES[0] and exhibit is None:
        form.refuse("exhibit", _("Choose the exhibit that confirms the link, or call it reported"))
        return False
    if form.start.data == form.end.data:
        form.refuse("end", _("A link has two different ends"))
        return False
    try:
        with office().files.session() as db:
            case_links.add_link(
                db, officer(), case_id, form.start.data, form.end.data, form.label.data or "", form.state.data, exhibit,
                now=now(),
            )  # fmt: skip
    except AmparoError as error:
        form.refuse("label", _(error.message))
        return False
    return True


@pages.route("/cases/<case_id>/chart/things/new", methods=["GET", "POST"])
@needs("case-create")
@once
def thing(case_id: str) -> ResponseReturnValue:
    """Add a phone, an account, a place."""
    number = identifier(case_id)
    shown, _found, _numbers = _look(number)
    form = ThingForm()
    if form.is_sent():
        try:
            with office().files.session() as db:
                case_links.add_thing(db, officer(), number, form.kind.data, form.label.data or "", now=now())
        except AmparoError as error:
            form.refuse("label", _(error.message))
        else:
            flash(_("It can be linked now."), "ok")
            return done(url_for("charts.links", case_id=case_id))
    return render_template("casework/thing.html", case=shown, form=form)


@pages.post("/cases/<case_id>/chart/links/<number>/remove")
@needs("case-create")
@once
def remove(case_id: str, number: str) -> ResponseReturnValue:
    """Take a link, or a thing that is not linked, out of the chart."""
    of_case = identifier(case_id)
    with office().files.session() as db:
        case_links.remove(db, officer(), of_case, number, now=now())
    flash(_("It is out of the chart."), "ok")
    return done(url_for("charts.links", case_id=case_id))


def _look(case_id: bytes) -> tuple[Shown, Chart, dict[bytes, Any]]:
    with office().files.session() as db:
        shown = show(db, office(), officer(), case_id)
        return shown, case_links.read(db, officer(), case_id), _exhibits(db, case_id)
