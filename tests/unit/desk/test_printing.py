"""Printed pages hold what they should and reach out to nothing."""

import dataclasses
import http.server
import io
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pypdfium2
import pytest

from desk.printing import AssetFetcher, ForeignAddress, print_custody_statement, render_pdf
from errors import PrintRefused
from evidence.packs import plan_pack
from evidence.statements import (
    CustodyStatement,
    ProofState,
    StatementEvent,
    StatementExhibit,
    StatementFile,
    StatementHolding,
    lay_out_timeline,
    proof_words,
    time_words,
)
from evidence.verification import verify_pack
from tests.support.packs import finish, make_case, unpack

GIVER = StatementHolding(
    "0a" * 16,
    "north-police",
    (
        StatementEvent(0, 1_780_000_000, "north-police", ("north-police/liaison-3",), "seize", "Harbour"),
        StatementEvent(1, 1_780_090_000, "north-police", ("north-police/liaison-3",), "handover-offered"),
    ),
    is_open=False,
)
TAKER = StatementHolding(
    "0b" * 16,
    "west-court",
    (
        StatementEvent(
            0, 1_780_180_000, "west-court", ("west-court/prosecutor-1",), "handover-accepted", index=7,
            proof=proof_words(ProofState.CONFIRMED, 2, 3),
        ),
    ),
    came_from="0a" * 16,
)  # fmt: skip
EXHIBIT = StatementExhibit(
    1, "W-12", "NP-4", "Photograph of the farm <b>gate</b>",
    (StatementFile("data/exhibits/1/a.jpg", 1_234_567, "ab" * 32, "image/jpeg", "north-police, sealed"),),
    (GIVER, TAKER),
)  # fmt: skip
STATEMENT = CustodyStatement(
    "00ff" * 8, "west-court", "SM-T-2026-31", 1_790_000_000, "broker.example/log-2026", 40, "cd" * 32,
    proof_words(ProofState.CONFIRMED, 2, 3), (EXHIBIT,), ("Number 2: blocked by its handling code",),
    ("Exhibit 3 was shown on 1 May 2026 in pack 7",),
)  # fmt: skip


def text_of(pdf: bytes) -> str:
    """All text of a PDF; spaces and line ends are one space; a hyphen at the end of a line is a hyphen."""
    document = pypdfium2.PdfDocument(pdf)
    text = " ".join(page.get_textpage().get_text_range() for page in document)
    return " ".join(text.replace("\ufffe", "-").split())


def test_the_statement_says_who_held_what_and_when() -> None:
    text = text_of(print_custody_statement(STATEMENT))
    for words in (
        "SM-T-2026-31", "north-police/liaison-3", "west-court/prosecutor-1", "Seized", "Place: Harbour",
        "Accepted from another agency", "Confirmed by 2 of 3 agencies", "Photograph of the farm <b>gate</b>",
        "1.2 MB (1 234 567 bytes)", "ab" * 32, "Number 2: blocked by its handling code",
        "Exhibit 3 was shown on 1 May 2026", "This paper proves nothing by itself", time_words(1_780_000_000),
    ):  # fmt: skip
        assert words.replace(" ", "") in text.replace(" ", ""), words


def test_the_same_statement_gives_the_same_bytes() -> None:
    assert print_custody_statement(STATEMENT) == print_custody_statement(STATEMENT)
    other = dataclasses.replace(STATEMENT, case="SM-T-2026-32")
    assert print_custody_statement(other) != print_custody_statement(STATEMENT)


def test_the_statement_is_tagged_and_names_no_person_and_no_tool_path() -> None:
    with pikepdf.open(io.BytesIO(print_custody_statement(STATEMENT))) as pdf:
        assert "/StructTreeRoot" in pdf.Root
        assert pdf.Root.Lang == "en"
        with pdf.open_metadata() as metadata:
            assert metadata["pdfaid:part"] == "3"
            assert metadata["dc:title"] == "Custody statement, SM-T-2026-31"


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A web server on this machine that writes down what it is asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_args: object) -> None:
            """Keep the test's output clean."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="{}">', '<link rel="stylesheet" href="{}">', '<style>@import "{}";</style>',
        '<div style="background: url({})">x</div>', '<svg xmlns="http://www.w3.org/2000/svg" width="9" '
        'height="9"><image width="9" height="9" href="{}"/></svg>', '<object data="{}"></object>',
        '<embed src="{}">',
        "<style>@font-face {{ font-family: f; src: url({}) }} p {{ font-family: f }}</style><p>x</p>",
        '<link rel="attachment" href="{}">',
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["http", "file", "data", "relative", "unlisted", "up"])
def test_a_page_that_asks_for_anything_foreign_is_refused(
    markup: str, kind: str, listener: tuple[str, list[str]], tmp_path: Path
) -> None:
    """Control: the page without the address prints; a default fetcher would have asked the listener."""
    base, asked = listener
    secret = tmp_path / "secret.svg"
    secret.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    address = {
        "http": f"{base}/beacon",
        "file": secret.as_uri(),
        "data": "data:text/css,p{color:red}",
        "relative": "beacon.css",
        "unlisted": "asset:other.css",
        "up": "asset:../../base.html",
    }[kind]
    with pytest.raises(PrintRefused):
        render_pdf(f"<html><body>{markup.format(address)}<p>words</p></body></html>", b"1")
    assert asked == []


def test_a_page_with_packaged_assets_alone_is_printed() -> None:
    page = '<link rel="stylesheet" href="asset:custody_statement.css"><p class="id">words</p>'
    assert "words" in text_of(render_pdf(page, b"1"))


def test_the_fetcher_opens_nothing_by_other_ways(listener: tuple[str, list[str]]) -> None:
    base, asked = listener
    fetcher = AssetFetcher()
    for call in (fetcher.fetch, fetcher.open):
        with pytest.raises(ForeignAddress):
            call(base)
    assert asked == []


def test_addresses_inside_evidence_are_words_and_nothing_else(listener: tuple[str, list[str]]) -> None:
    """A description written by somebody hostile is printed, not followed."""
    base, asked = listener
    bait = f'<img src="{base}/x"> url({base}/y) </style><link rel=stylesheet href="{base}/z">'
    statement = dataclasses.replace(STATEMENT, exhibits=(dataclasses.replace(EXHIBIT, description=bait),))
    assert f"{base}/x".replace(" ", "") in text_of(print_custody_statement(statement)).replace(" ", "")
    assert asked == []


def test_the_picture_has_a_lane_for_each_holding_and_a_full_mark_for_a_handover_signed_by_both() -> None:
    picture = lay_out_timeline((GIVER, TAKER))
    assert [bar.agency for bar in picture.bars] == ["north-police", "west-court"]
    assert [mark.is_full for mark in picture.handovers] == [True]
    assert picture.bars[0].x < picture.bars[1].x
    assert all(bar.x + bar.width <= picture.width for bar in picture.bars)
    assert picture.description == (
        "Held by north-police from 28 May 2026, 20:26 UTC to 29 May 2026, 21:26 UTC; "
        "then by west-court from 30 May 2026, 22:26 UTC to this day."
    )


def test_a_refused_handover_has_an_open_mark() -> None:
    refused = dataclasses.replace(TAKER.events[0], action="handover-refused")
    picture = lay_out_timeline((GIVER, dataclasses.replace(TAKER, events=(refused,), is_open=False)))
    assert [mark.is_full for mark in picture.handovers] == [False]


def test_a_picture_of_one_moment_or_of_nothing_has_measures() -> None:
    one = dataclasses.replace(GIVER, events=GIVER.events[:1])
    assert lay_out_timeline((one,)).bars[0].width > 0
    assert lay_out_timeline(()).bars == ()


def test_a_pack_holds_the_printed_statement_of_its_own_events(rng: random.Random) -> None:
    """The paper and the signed entries come from the same input; the pack is proven with the paper in it."""
    case = make_case(rng)
    plan = plan_pack(case.given(), print_custody_statement)
    pack = finish(case.world, plan)
    assert verify_pack(io.BytesIO(pack), case.world.trust()).is_proven
    text = text_of(unpack(pack)["data/custody-statement.pdf"]).replace(" ", "")
    for words in (
        "SM-T-2031-31", "Photograph of the farm", "north-police/liaison-3", "Confirmed by 3 of 3 agencies",
        "Accepted from another agency", "Tool: reader 2.1", "Correction of an earlier entry (number 0)",
        "Bundle sealed by north-police/liaison-4", "Number 5 waits for a permission.", "Not proven",
        "No custody of this exhibit is on record.",
    ):  # fmt: skip
        assert words.replace(" ", "") in text, words
