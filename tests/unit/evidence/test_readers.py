"""Hostile files in the child process: what comes out does no harm, and what a reader may do is almost nothing."""

import io
import sys
import zipfile
from collections.abc import Iterator

import openpyxl
import pypdfium2
import pytest
from PIL import Image

from errors import DecryptionFailed, LimitExceeded
from evidence import readers
from evidence.readers import Material, NotShown

SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SCRIPT = b"<script>document.title = 'ran'</script>"


def material(raw: bytes, media_type: str) -> Material:
    def read(start: int, end: int) -> Iterator[bytes]:
        for at in range(start, min(end, len(raw)), 10_000):
            yield raw[at : min(at + 10_000, end)]

    return Material("name", media_type, len(raw), read)


def image(kind: str = "JPEG", size: tuple[int, int] = (300, 200), **more: object) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, (200, 30, 10)).save(made, kind, **more)  # type: ignore[arg-type]
    return made.getvalue()


def pdf(pages: int = 2) -> bytes:
    document = pypdfium2.PdfDocument.new()
    for _ in range(pages):
        document.new_page(200, 300)
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()


@pytest.mark.skipif(sys.platform != "linux", reason="the filter of the kernel is Linux's")
def test_a_reader_has_no_socket_no_program_no_file_no_environment_and_nothing_of_ours() -> None:
    found = readers.probe()
    assert found["confined"]
    assert {found[one] for one in ("socket", "open", "fork", "program")} == {"refused 1"}
    assert found["project"] == []
    assert set(found["environment"]) <= {"LC_CTYPE"}


def test_a_picture_comes_out_as_one_of_our_own_making() -> None:
    """A polyglot keeps nothing of its other half, and nothing of what the camera wrote."""
    exif = Image.Exif()
    exif[0x010E] = "planted words"
    raw = image(exif=exif.tobytes()) + SCRIPT
    assert b"planted words" in raw  # control
    found = readers.read(material(raw, "image/jpeg"))
    assert found.media_type in readers.ENCODED
    assert b"planted words" not in found.picture
    assert b"script" not in found.picture
    with Image.open(io.BytesIO(found.picture)) as seen:
        assert seen.size == (300, 200)


def test_a_picture_that_would_fill_the_memory_is_refused_and_a_large_one_is_made_smaller() -> None:
    made = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(made, "PNG")
    with pytest.raises(NotShown, match="larger than is shown"):
        readers.read(material(made.getvalue(), "image/png"))
    with Image.open(io.BytesIO(readers.read(material(image(size=(4000, 1000)), "image/jpeg")).picture)) as seen:
        assert seen.size == (2000, 500)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("mode", ["RGB", "P", "L", "1"])
def test_every_kind_of_picture_is_read(kind: str, mode: str) -> None:
    made = io.BytesIO()
    try:
        Image.new(mode, (30, 20)).save(made, kind)
    except OSError:
        pytest.skip("there is no such picture")
    media_type = f"image/{kind.lower()}"
    with Image.open(io.BytesIO(readers.read(material(made.getvalue(), media_type)).picture)) as seen:
        assert seen.size == (30, 20)


def test_pages_of_a_pdf_are_pictures_and_its_script_is_not_even_asked_for() -> None:
    script = b"1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n"
    raw = (
        b"%PDF-1.4\n" + script + b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 300]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    )
    found = readers.read(material(raw, "application/pdf"))
    assert (found.parts, b"JavaScript" in found.picture) == (1, False)
    assert readers.read(material(pdf(), "application/pdf"), 1).parts == 2
    with pytest.raises(NotShown, match="no such part"):
        readers.read(material(pdf(), "application/pdf"), 2)


def test_text_is_text_in_parts_and_signs_that_nobody_sees_are_shown_by_their_number() -> None:
    raw = SCRIPT + "\u202egpj.exe \x07 é".encode()
    for media_type in ("text/plain", "text/html", "image/svg+xml", "application/json"):
        words = readers.read(material(raw, media_type)).facts["text"]
        assert words == SCRIPT.decode() + "[U+202E]gpj.exe [U+0007] é"
    long = ("ä" * 100_000).encode()
    first, second = (readers.read(material(long, "text/plain"), part) for part in (0, 1))
    assert (first.parts, second.part) == (2, 1)
    assert (first.facts["text"] + second.facts["text"]).count("ä") == 100_000
    assert readers.read(material("é".encode("cp1252") * 20, "text/plain")).facts["text"] == "é" * 20
    assert readers.read(material("é".encode("utf-16"), "text/plain")).facts["text"] == "é"
    assert readers.read(material(b"", "text/plain")).facts["text"] == ""


def test_a_table_comes_in_pages_of_a_hundred_rows() -> None:
    raw = "number;name\n" + "".join(f"{one};<b>{one}</b>\n" for one in range(150))
    found = readers.read(material(raw.encode(), "text/csv"), 1)
    assert (found.parts, found.facts["count"], found.facts["first"]) == (2, 151, 101)
    assert found.facts["rows"][0] == ["99", "<b>99</b>"]


def test_a_workbook_shows_values_by_sheet_and_asks_for_nothing_outside() -> None:
    book, made = openpyxl.Workbook(), io.BytesIO()
    book.active["A1"] = '=HYPERLINK("http://outside.example/")'  # type: ignore[index]
    book.active["B2"] = "<i>x</i>"  # type: ignore[index]
    book.create_sheet("Second")["A1"] = 5
    book.save(made)
    first = readers.read(material(made.getvalue(), SHEET))
    assert (first.facts["sheets"], first.facts["rows"]) == (["Sheet", "Second"], [[], ["", "<i>x</i>"]])
    assert readers.read(material(made.getvalue(), SHEET), readers.SHEET_PARTS).facts["rows"] == [["5"]]


def test_a_workbook_that_grows_a_thousandfold_ends_its_reader_and_nothing_else() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bomb:
        bomb.writestr("[Content_Types].xml", b" " * (400 * 2**20))
    with pytest.raises(NotShown):
        readers.read(material(made.getvalue(), SHEET))
    assert readers.read(material(image(), "image/jpeg")).parts == 1  # control: the next one is read


@pytest.mark.parametrize("media_type", ["image/jpeg", "application/pdf", SHEET])
@pytest.mark.parametrize("raw", [b"", b"no such file", SCRIPT * 1000, b"%PDF-1.7\n", b"PK\x03\x04" + bytes(100)])
def test_what_is_not_what_it_says_is_refused_in_words(media_type: str, raw: bytes) -> None:
    with pytest.raises(NotShown, match="damaged"):
        readers.read(material(raw, media_type))


def test_what_no_reader_takes_and_what_is_too_large_is_not_read() -> None:
    for media_type in ("application/octet-stream", "application/x-msdownload", "video/mp4"):
        with pytest.raises(NotShown):
            readers.read(material(b"x", media_type))
    huge = Material("n", "application/pdf", 2**40, lambda start, end: iter(()))
    with pytest.raises(LimitExceeded):
        readers.read(huge)


def test_a_reader_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "SECONDS", 0.01)
    with pytest.raises(NotShown, match="longer to read"):
        readers.read(material(image(), "image/jpeg"))


def test_a_fault_of_the_sealed_store_is_not_taken_for_a_fault_of_the_file() -> None:
    def read(start: int, end: int) -> Iterator[bytes]:
        yield b"x"
        raise DecryptionFailed("planted")

    with pytest.raises(DecryptionFailed, match="planted"):
        readers.read(Material("n", "image/jpeg", 100, read))


def test_sound_and_film_are_played_only_where_their_first_bytes_fit() -> None:
    assert readers.is_played(material(b"\x00\x00\x00\x18ftypmp42" + bytes(100), "video/mp4"))
    assert readers.is_played(material(b"ID3" + bytes(100), "audio/mpeg"))
    assert not readers.is_played(material(SCRIPT, "video/mp4"))
    assert not readers.is_played(material(b"\x00\x00\x00\x18ftypmp42", "text/html"))
