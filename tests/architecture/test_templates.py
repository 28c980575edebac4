"""What every template of a page keeps to: forms with their token, nothing inline, nothing that a browser remembers."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FORM = re.compile(r"<form(.*?)</form>", re.S)
TOKEN = re.compile(r"hidden\(|token\(\)|csrf_token")
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=[\"']|javascript:", re.I)

# Bootstrap has no right-to-left build in its wheel: these would stay on the wrong side in Arabic.
ONE_SIDED = re.compile(
    r'class="[^"]*(?<![\w-])(?:(?:ms|me|ps|pe)-\w+|(?:text|float|border|rounded)-(?:start|end)|breadcrumb|dropdown|'
    r"input-group|pagination)(?![\w-])"
)


def templates() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "desk" / "templates").rglob("*.html")):
        if path.parent.name != "print":  # those become PDF files
            yield str(path.relative_to(ROOT)), path.read_text("utf-8")


def forms(text: str) -> list[str]:
    return FORM.findall(text)


def lacks_token(form: str) -> bool:
    return 'method="get"' not in form and not TOKEN.search(form)


def test_every_form_that_changes_something_carries_the_token() -> None:
    count = sum(len(forms(text)) for _, text in templates())
    assert count > 100
    assert [name for name, text in templates() for form in forms(text) if lacks_token(form)] == []
    assert lacks_token(' method="post"><button>x</button>')  # control


def test_no_form_leaves_what_was_typed_in_the_browsers_memory() -> None:
    """Browsers keep what is typed into fields for the next time, names and reasons too."""
    found = [
        name for name, text in templates() for form in forms(text) if "autocomplete=" not in form.partition("\n")[0]
    ]
    assert found == []


def test_no_template_has_anything_inline_that_the_policy_of_the_pages_forbids() -> None:
    assert [name for name, text in templates() if INLINE.search(text)] == []
    for bad in ("<script>x</script>", '<p style="x">', "<a onclick='x'>", '<a href="javascript:x">'):
        assert INLINE.search(bad)
    assert not INLINE.search('<script src="/static/desk.js" defer></script>')


def test_no_template_uses_what_stays_on_one_side_in_arabic() -> None:
    assert [name for name, text in templates() if ONE_SIDED.search(text)] == []
    for bad in ('class="ms-2"', 'class="am-x text-start"', 'class="pagination"'):
        assert ONE_SIDED.search(bad)
    assert not ONE_SIDED.search('class="am-menu mt-2 gap-3 am-pagination"')
