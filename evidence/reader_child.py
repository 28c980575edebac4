"""The child process that reads hostile files: pictures, pages of PDF, tables and text out of bytes on its input.

It is started by `evidence/readers.py` as a program of its own, in a bare environment and without anything of this
project, so that no key can be in its memory. Before the first byte it takes limits of memory, time and size, and on
Linux a filter of the kernel that lets it compute, read and write what is open already, and nothing else: no socket, no
program, no file.

In: one line of JSON {kind, part, size}, then the bytes. Out: one line of JSON, then the bytes of a picture if there is
one.
"""

import codecs
import contextlib
import csv
import ctypes
import io
import json
import platform
import resource
import struct
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

MEMORY_BYTES: Final = 2 * 2**30
CPU_SECONDS: Final = 20
MOST_PIXELS: Final = 80_000_000
LONGEST_SIDE: Final = 2000
FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP")
ROWS: Final = 100
COLUMNS: Final = 60
CELL: Final = 2000
MOST_ROWS: Final = 200_000
MOST_FRAMES: Final = 5_000
SHEET_PARTS: Final = 10_000

ENCODINGS: Final = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1", "ascii")
# Signs that turn the direction of what follows, or that nobody sees.
HIDDEN: Final = frozenset(
    {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0x2060, 0xFEFF, 0x00AD, *range(0xE0000, 0xE0080)}
)

AUDIT: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# read, write, close, fstat, poll, lseek; memory; signals; pread64, readv, writev; time, threads of its own, numbers of
# its own process, random bytes, the end.
ALLOWED: Final = {
    "x86_64": (
        0, 1, 3, 5, *range(7, 16), 17, 19, 20, 24, 25, 28, 35, 39, 60, 63, 72, 96, 98, 99, 100, 102, 104, 107, 108, 131,
        186, 202, 204, 219, 228, 230, 231, 234, 318, 324, 334,
    ),
    "aarch64": (
        25, 57, *range(62, 68), 73, 80, 93, 94, 98, 101, 113, 115, 123, 124, 128, 131, 132, 134, 135, 139, 153, 160,
        165, 169, 172, *range(174, 180), 214, 215, 216, 222, 226, 233, 278, 283, 293,
    ),
}  # fmt: skip
EPERM: Final = 1

_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006/"
_RELATIONS: Final = f"{_PACKAGE}relationships"
_RELATION_TYPE: Final = "application/vnd.openxmlformats-package.relationships+xml"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEETS: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_KIND: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
# A workbook of one cell: reading it once loads everything that reading another one takes.
SMALLEST_BOOK: Final = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}content-types">'
    f'<Default Extension="rels" ContentType="{_RELATION_TYPE}"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
    f'<Override PartName="/xl/s.xml" ContentType="{_KIND}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_RELATIONS}">'
    f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELATIONS}">'
    f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="s.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_SHEETS}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/s.xml": f'<worksheet xmlns="{_SHEETS}"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>x</t></is></c>'
    "</row></sheetData></worksheet>",
}

# Libraries, loaded for the kind of file that is read and for no other.
Image: Any = None
ImageOps: Any = None
pypdfium2: Any = None
openpyxl: Any = None

Result = tuple[dict[str, Any], bytes]


class Unreadable(Exception):
    """The file cannot be shown; the word says why."""


# ---- Confinement ------------------------------------------------------------------------------------------------


def limit() -> None:
    """Memory, time, and not a byte to any file."""
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 16),
    ):  # fmt: skip
        try:
            resource.setrlimit(kind, (most, most))
        except (OSError, ValueError):
            if sys.platform == "linux":
                raise


def confine() -> bool:
    """Whether the kernel refuses this process sockets, programs and files from now on."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in AUDIT:
        return False
    program = [(0x20, 0, 0, 4), (0x15, 1, 0, AUDIT[machine]), (0x06, 0, 0, 0x80000000), (0x20, 0, 0, 0)]
    if machine == "x86_64":
        program += [(0x35, 0, 1, 0x40000000), (0x06, 0, 0, 0x80000000)]  # the other numbering of x32
    numbers = ALLOWED[machine]
    program += [(0x15, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    program += [(0x06, 0, 0, 0x00050000 | EPERM), (0x06, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))
    filters = ctypes.create_string_buffer(struct.pack("HL", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) != 0:  # no new privileges, or the filter is not taken
        return False
    return bool(libc.prctl(22, 2, filters, 0, 0) == 0)


# ---- Libraries, ready to read without opening another file ------------------------------------------------------


def nothing() -> None:
    """Nothing to make ready."""


def pictures() -> None:
    """The library of pictures."""
    global Image, ImageOps
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    Image.init()
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    # Each kind is written and read once, by every way that `picture` takes: libraries load their parts late.
    for kind in FORMATS:
        for mode in ("RGB", "P", "L", "1"):
            made = io.BytesIO()
            with contextlib.suppress(OSError):  # a mode that the kind does not know
                Image.new(mode, (4, 4)).save(made, kind)
                picture(made.getvalue(), 0)


def pages() -> None:
    """The library of PDF."""
    global pypdfium2
    import pypdfium2

    pictures()
    document = pypdfium2.PdfDocument.new()
    document.new_page(10, 10)
    document[0].render(scale=1).to_pil()


def workbooks() -> None:
    """The library of workbooks."""
    global openpyxl
    import openpyxl

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as book:
        for name, words in SMALLEST_BOOK.items():
            book.writestr(name, words)
    workbook(made.getvalue(), 0)


# ---- Pictures ---------------------------------------------------------------------------------------------------


def encode(image: Any) -> tuple[str, bytes]:
    """A picture of our own making: nothing of the file's bytes goes on."""
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    made = io.BytesIO()
    if image.mode in ("1", "L", "P", "LA"):
        image.convert("RGBA" if image.mode in ("P", "LA") else "L").save(made, "PNG", compress_level=4)
        return "image/png", made.getvalue()
    image.convert("RGBA" if "A" in image.mode else "RGB").save(made, "WEBP", quality=90, method=2)
    return "image/webp", made.getvalue()


def picture(data: bytes, part: int) -> Result:
    """One frame of an image."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            raise Unreadable("too-many-pixels")
        size, frames = (image.width, image.height), min(getattr(image, "n_frames", 1), MOST_FRAMES)
        if not 0 <= part < frames:
            raise Unreadable("no-such-part")
        image.seek(part)
        kind, made = encode(ImageOps.exif_transpose(image))
    return {"parts": frames, "width": size[0], "height": size[1], "media_type": kind}, made


def page(data: bytes, part: int) -> Result:
    """One page of a PDF. No form is filled in and no script is run: the library is never asked to."""
    document = pypdfium2.PdfDocument(data)
    count = len(document)
    if not 0 <= part < count:
        raise Unreadable("no-such-part")
    shown = document[part]
    width, height = shown.get_size()
    if not 0 < width < 20_000 or not 0 < height < 20_000:
        raise Unreadable("too-many-pixels")
    scale = min(2.0, LONGEST_SIDE / max(width, height))
    image = shown.render(scale=scale, may_draw_forms=False).to_pil()
    kind, made = encode(image)
    return {"parts": count, "width": int(width), "height": int(height), "media_type": kind}, made


# ---- Text and tables --------------------------------------------------------------------------------------------


def visible(text: str) -> str:
    """The text with signs that hide or turn others shown by their number."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(f"[U+{ord(one):04X}]" if is_hidden(one) else one for one in plain)


def is_hidden(sign: str) -> bool:
    """Whether nobody would see that this sign is there."""
    number = ord(sign)
    return number in HIDDEN or (number < 32 and sign not in "\n\t") or 127 <= number < 160


def decode(data: bytes) -> str:
    """Text in one of the encodings that text comes in."""
    marks = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
    for mark, name in marks:
        if data.startswith(mark):
            return data.decode(name, "replace")
    # A part of a long text may begin or end inside of a sign.
    start = next((at for at, one in enumerate(data[:4]) if not 0x80 <= one < 0xC0), 0)
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(data[start:], final=False)
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def text(data: bytes, part: int) -> Result:
    """A part of a text."""
    return {"text": visible(decode(data))}, b""


def rows_of(rows: Iterable[Any], part: int) -> dict[str, Any]:
    """A page of rows, and how many pages there are."""
    shown: list[list[str]] = []
    count = 0
    for row in rows:
        if count >= MOST_ROWS:
            break
        if part * ROWS <= count < (part + 1) * ROWS:
            cells = [visible(str(one)[:CELL]) if one is not None else "" for one in row[:COLUMNS]]
            while cells and not cells[-1]:
                cells.pop()
            shown.append(cells)
        count += 1
    parts = max(1, -(-count // ROWS))
    if part >= parts:
        raise Unreadable("no-such-part")
    return {"rows": shown, "parts": parts, "count": count, "first": part * ROWS + 1}


def table(data: bytes, part: int) -> Result:
    """A page of a CSV file."""
    written = decode(data)
    csv.field_size_limit(2**20)
    dialect: Any = csv.excel
    with contextlib.suppress(csv.Error):
        dialect = csv.Sniffer().sniff(written[:8192], delimiters=",;\t|")
    return rows_of(csv.reader(io.StringIO(written, newline=""), dialect), part), b""


def workbook(data: bytes, part: int) -> Result:
    """A page of a sheet: values, never formulas; nothing outside of the file is asked for."""
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    names = [visible(one)[:200] for one in book.sheetnames][:200]
    sheet, at = divmod(part, SHEET_PARTS)
    if not 0 <= sheet < min(len(names), len(book.worksheets)):
        raise Unreadable("no-such-part")
    chosen = book.worksheets[sheet]
    chosen.reset_dimensions()
    found = rows_of(chosen.iter_rows(values_only=True, max_col=COLUMNS), at)
    return {**found, "sheets": names, "sheet": sheet}, b""


# ---- What a reader can still do, asked by the tests and by nothing else -----------------------------------------


def sockets() -> None:
    """What the probe tries with."""
    import socket  # noqa: F401


def probe(data: bytes, part: int) -> Result:
    """Try what a reader must not be able to do."""
    import os
    import socket

    def split() -> None:
        if os.fork() == 0:
            os._exit(0)

    tries: dict[str, Callable[[], object]] = {
        "socket": socket.socket, "open": lambda: os.open("/etc/hostname", os.O_RDONLY), "fork": split,
        "program": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606
    }  # fmt: skip
    loaded = sorted(set(sys.modules) & {"crypto", "agencies", "storage", "evidence", "desk"})
    found: dict[str, Any] = {"environment": sorted(os.environ), "project": loaded}
    for name, act in tries.items():
        try:
            act()
            found[name] = "allowed"
        except OSError as error:
            found[name] = f"refused {error.errno}"
    return found, b""


# What is made ready before the process is confined, and what then reads.
READERS: Final[Mapping[str, tuple[Callable[[], None], Callable[[bytes, int], Result]]]] = {
    "picture": (pictures, picture), "pdf": (pages, page), "text": (nothing, text), "table": (nothing, table),
    "workbook": (workbooks, workbook), "probe": (sockets, probe),
}  # fmt: skip


def answer(header: Mapping[str, Any], data: bytes = b"") -> None:
    """Write the result."""
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + data)
    sys.stdout.buffer.flush()


def main() -> None:
    """Read one file."""
    limit()
    asked = json.loads(sys.stdin.buffer.readline(10_000))
    prepare, read = READERS[asked["kind"]]
    for name in ENCODINGS:
        codecs.lookup(name)
    prepare()
    is_confined = confine()
    if not is_confined and sys.platform == "linux":
        answer({"refused": "not-confined"})
        return
    data = sys.stdin.buffer.read()
    try:
        if len(data) != asked["size"]:
            raise Unreadable("broken-off")
        header, made = read(data, asked["part"])
    except Unreadable as error:
        answer({"refused": str(error)})
    except MemoryError:
        answer({"refused": "too-large"})
    except Exception as error:  # noqa: BLE001  # whatever a hostile file makes a library do ends here
        is_bomb = "DecompressionBomb" in type(error).__name__
        answer({"refused": "too-many-pixels" if is_bomb else "unreadable"})
    else:
        answer({**header, "confined": is_confined}, made)


if __name__ == "__main__":
    main()
