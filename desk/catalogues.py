"""Catalogues of translations: gettext's text files, read when a language is first asked for.

`python -m desk.catalogues` writes them anew out of the templates and modules: what is new comes in untranslated, what
is gone goes out, what was translated stays. A language begins as a draft, an empty file `fr.draft.po`; it is offered
once the last word of it is there. No compiled file lies in the repository.
"""

import ast
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from babel.messages import extract, mofile, pofile
from babel.messages.catalog import Catalog
from babel.support import NullTranslations, Translations
from flask_babel import Domain, get_locale

from agencies.rights import MEANINGS
from config.settings import LANGUAGES

FOLDER: Final = Path(__file__).parent / "translations"
SOURCE: Final = "en"
SIGNALS: Final = {
    "_": None, "_l": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2), "lazy_ngettext": (1, 2),
}  # fmt: skip
EXTRACTORS: Final = {".html": "jinja2", ".py": "python"}
# Modules whose errors reach a page: their sentences are translated too.
RAISING: Final = ("agencies", "crypto", "custody", "desk", "evidence", "exchange", "identity", "storage")


class Catalogues(Domain):  # type: ignore[misc]
    """The words of a page in the language of its request."""

    def get_translations(self) -> Any:
        """The catalogue of the request's language; the words as they are for the language of the source."""
        language = str(get_locale() or SOURCE)
        if language not in self.cache:
            self.cache[language] = load(language)
        return self.cache[language]


def path_of(language: str) -> Path:
    """Where the catalogue of a language lies."""
    return FOLDER / f"{language}.po"


def draft_of(language: str) -> Path:
    """Where the catalogue of a language lies while words are missing in it."""
    return FOLDER / f"{language}.draft.po"


def offered() -> tuple[str, ...]:
    """Languages that the pages speak: that of the source, and those whose catalogue is here."""
    return tuple(one for one in LANGUAGES if one == SOURCE or path_of(one).is_file())


def load(language: str) -> NullTranslations:
    """The catalogue of a language; one without a file translates nothing."""
    path = path_of(language)
    if language == SOURCE or not path.is_file():
        return Translations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        mofile.write_mo(compiled, pofile.read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


# ---- What there is to translate ---------------------------------------------------------------------------------


def collect(root: Path) -> Catalog:
    """Every sentence of the pages and of the errors that reach them."""
    found = Catalog(project="Amparo", charset="utf-8")
    for path in sorted((root / "desk").rglob("*")):
        if path.suffix in EXTRACTORS and "translations" not in path.parts:
            for line, message, comments, context in _messages(path):
                found.add(
                    message, locations=[(str(path.relative_to(root)), line)], auto_comments=comments, context=context
                )  # fmt: skip
    for module, line, sentence in sorted(set(_sentences(root))):
        found.add(sentence, locations=[(module, line)])
    for sentence in MEANINGS.values():
        found.add(sentence)
    return found


def _messages(path: Path) -> Iterator[tuple[int, Any, list[str], str | None]]:
    with path.open("rb") as file:
        yield from extract.extract(EXTRACTORS[path.suffix], file, SIGNALS, ["Note:"])


def _sentences(root: Path) -> Iterator[tuple[str, int, str]]:
    """First lines of the docstrings of errors, and the literal sentences with which they are raised."""
    classes = [node for node in _parse(root / "errors.py").body if isinstance(node, ast.ClassDef)]
    for node in classes:
        yield "errors.py", node.lineno, (ast.get_docstring(node) or "").split("\n", 1)[0]
    names = {node.name for node in classes}
    for package in RAISING:
        for path in sorted((root / package).rglob("*.py")):
            for call in ast.walk(_parse(path)):
                if isinstance(call, ast.Call) and (sentence := _said(call, names)) is not None:
                    yield str(path.relative_to(root)), call.lineno, sentence


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _said(call: ast.Call, errors: set[str]) -> str | None:
    """The literal sentence that an error is made with."""
    if not (isinstance(call.func, ast.Name) and call.func.id in errors and call.args):
        return None
    first = call.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def update(root: Path) -> dict[str, int]:
    """Write every catalogue anew; how many sentences of each language are not translated."""
    template, missing = collect(root), {}
    FOLDER.mkdir(exist_ok=True)
    for language in LANGUAGES:
        if language != SOURCE:
            catalogue = _read(language)
            catalogue.update(template, no_fuzzy_matching=True)
            catalogue.obsolete.clear()
            missing[language] = sum(1 for one in catalogue if one.id and not is_translated(one))
            _write(language, catalogue, is_whole=not missing[language])
    return missing


def _read(language: str) -> Catalog:
    for path in (path_of(language), draft_of(language)):
        if path.is_file() and path.stat().st_size:
            with path.open("rb") as file:
                return pofile.read_po(file, locale=language)
    return Catalog(locale=language, project="Amparo", charset="utf-8")


def _write(language: str, catalogue: Catalog, *, is_whole: bool) -> None:
    """In place; a draft that is whole becomes the catalogue. A language that nobody has begun gets no file."""
    kept, draft = path_of(language), draft_of(language)
    if not (kept.is_file() or draft.is_file()):
        return
    with (kept if kept.is_file() or is_whole else draft).open("wb") as file:
        pofile.write_po(file, catalogue, width=120, no_location=True, omit_header=True, sort_output=True)
    if kept.is_file():
        draft.unlink(missing_ok=True)


def is_translated(message: Any) -> bool:
    """Whether a message of a catalogue has all its words, in all its plural forms."""
    words = message.string if isinstance(message.string, list | tuple) else (message.string,)
    return all(words)


if __name__ == "__main__":
    for name, count in update(Path(__file__).parent.parent).items():
        sys.stdout.write(f"{name}: {count} to translate\n")
