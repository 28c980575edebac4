"""Her paper: in her script, without a mark, and never with boxes in place of letters."""

import io
import logging

import pikepdf
import pypdfium2
import pytest
from markupsafe import Markup

from desk import printing, survivor
from desk.survivor_paper import Paper, Seen
from errors import PrintRefused

SIGNS = "K4P7-22WM-9XQD"


def paper_in(language: str, line: str = "") -> bytes:
    t = survivor.texts(language)
    shown = Paper(
        (t("check_support"), t("check_item", who=line or t.lines["another"], what=t.lines["data_what"],
         why=t.why("protection"))), (t("check_help"),), (), (), (t("paper_holders_none"),),
    )  # fmt: skip
    html = printing.survivor_html(
        "survivor_paper.html", t=t, shown=shown, today=t.day("2026-11-23"), call="", signs=SIGNS
    )
    return printing.render_survivor_pdf(html, b"x" * 16)


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


@pytest.mark.parametrize("language", sorted(survivor.OWN_NAMES))
def test_the_paper_is_printed_in_every_language_with_its_code(language: str) -> None:
    pdf = paper_in(language)
    text = text_of(pdf)
    assert SIGNS in text
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert str(document.Root.Lang) == language
        fonts = {str(font.BaseFont) for page in document.pages for font in page.Resources.Font.values()}
        assert not [one for one in fonts if "LastResort" in one]
        assert "/Image" not in str([page.Resources.keys() for page in document.pages])
    for word in ("traffick", "Amparo", "shelter", "police station", "logo", "exploit"):
        assert word.lower() not in text.lower()


def test_letters_of_her_script_are_on_the_paper() -> None:
    assert "Вам" in text_of(paper_in("uk")) or "Ви" in text_of(paper_in("uk"))
    assert any("\u0600" <= sign <= "\ufeff" for sign in text_of(paper_in("ar")))


def test_a_sign_that_no_font_has_stops_the_printing_and_stands_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(PrintRefused, match="font"):
        paper_in("en", line="\U0001e900\U0001e901 \uf8ff")
    assert "notdef" not in caplog.text and "\U0001e900" not in caplog.text
    assert paper_in("en", line="Ünïçødé \u0627")  # the control, after the refusal


def test_what_was_typed_stands_on_the_paper_as_text() -> None:
    hostile = '<img src="https://example.org/x"><link href="file:///etc/passwd">'
    assert "<img src=" in text_of(paper_in("en", line=hostile)).replace("\n", " ").replace("\r", "")


def test_the_page_of_uses_is_printed() -> None:
    t = survivor.texts("ar")
    shown = Seen(
        ((t("seen_line", who="x", date="y"), t("seen_why", why="z"), Markup("")),), (t("seen_deleted", who="x"),), ()
    )
    html = printing.survivor_html("survivor_seen.html", t=t, shown=shown, today="23")
    assert len(printing.render_survivor_pdf(html, b"x" * 16)) > 1000
