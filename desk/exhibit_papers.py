"""Papers of exhibits: the custody statement, and labels with a code to scan."""

from io import BytesIO
from typing import Final

import segno
from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from desk import exhibits
from desk.access import needs, now, office, officer
from desk.casework import identifier
from desk.printing import Label, print_exhibit_statement, print_labels
from evidence.register import Line
from exchange.exhibit_statements import state_custody

pages: Final = Blueprint("exhibit_papers", __name__)


def _pdf(data: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(data, mimetype="application/pdf", headers=headers)


@pages.get("/cases/<case_id>/exhibits/<object_id>/statement.pdf")
@needs("case-read")
def statement(case_id: str, object_id: str) -> ResponseReturnValue:
    """The custody statement of one exhibit."""
    made = state_custody(office(), officer(), identifier(case_id), identifier(object_id), now=now())
    return _pdf(print_exhibit_statement(made), "custody-statement.pdf")


@pages.get("/exhibits/labels.pdf")
@needs("case-read")
def labels() -> ResponseReturnValue:
    """Labels of the chosen exhibits: numbers and seals, no content."""
    lines = exhibits.chosen()
    if not lines:
        return exhibits.nothing_chosen()
    return _pdf(print_labels([_label(one) for one in lines]), "labels.pdf")


def _label(line: Line) -> Label:
    with office().files.session() as db:
        seal = exhibits.seal_of(db, line.case_id, line.exhibit.object_id)
    number, root = line.exhibit.local_number, line.exhibit.root_number
    named = seal.number if seal is not None and seal.is_closed else ""
    return Label(
        officer().agency, line.case_handle, number, root, named, _code(f"AMPARO {root} {number} {named}".strip())
    )


def _code(words: str) -> Markup:
    """A code to scan, as a picture of our own making: squares and nothing else."""
    picture = BytesIO()
    segno.make(words, error="m", micro=False).save(picture, kind="svg", xmldecl=False, svgns=True, scale=4, border=2)
    return Markup(picture.getvalue().decode("ascii"))  # noqa: S704  # squares of our own
