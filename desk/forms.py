"""Forms of the pages: fields with a hint and a sentence for each mistake, kept as typed, sent once.

The markup stands in `templates/macros/forms.html`. A form that was parked at the idle lock is filled in again by
itself (desk/parked.py).
"""

import functools
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

from flask import redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import (
    BooleanField,
    DateField,
    Field,
    FieldList,
    FileField,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput

from desk import parked

Choices = Sequence[tuple[str, Any]]
View = TypeVar("View", bound=Callable[..., ResponseReturnValue])

LINE_MOST: Final = 200
TEXT_MOST: Final = 20_000


class DeskForm(FlaskForm):  # type: ignore[misc]
    """A form of the desk. `once` names this showing of it, `from_page` the page that it stands on."""

    once = HiddenField()
    from_page = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        before = None
        if request.method == "GET" and getattr(current_user, "is_authenticated", False):
            before = parked.typed_before()
        if before is not None:
            kwargs["formdata"] = before
        super().__init__(*args, **kwargs)
        self.is_restored = before is not None
        if not self.once.data:
            self.once.data = secrets.token_urlsafe(12)
        self.from_page.data = request.full_path.rstrip("?")

    def is_sent(self) -> bool:
        """Whether the form was sent and everything in it is as it should be."""
        return bool(self.validate_on_submit())

    def refuse(self, name: str, message: str) -> None:
        """Add a mistake that only the service could find, at its field."""
        field = self[name]
        field.errors = [*field.errors, message]

    def shown_fields(self) -> list[Field]:
        """Fields that a person sees."""
        return [field for field in self if not isinstance(field, HiddenField) and field.type != "CSRFTokenField"]

    def mistakes(self) -> list[tuple[str, str]]:
        """For the summary: the id of the first control, and the sentence."""
        found = []
        for field in self.shown_fields():
            if field.errors:
                first = f"{field.id}-0" if isinstance(field, RadioField | SelectMultipleField) else field.id
                found.append((first, str(_first(field.errors))))
        return found


def _first(errors: Any) -> Any:
    """The first sentence, out of lists of lists (a list of fields)."""
    for one in errors:
        if one:
            return _first(one) if isinstance(one, list | tuple) else one
    return ""


def clean(text: str | None) -> str | None:
    """What was typed without blanks around it and without signs that no text holds."""
    return None if text is None else text.replace("\x00", "").strip()


def _required(missing: Any) -> list[Any]:
    return [InputRequired(missing)] if missing else [Optional()]


def _length(most: int) -> Length:
    return Length(max=most, message=_l("This is too long; at most %(max)d characters"))


def text(label: Any, *, hint: Any = "", missing: Any = None, most: int = LINE_MOST, **more: Any) -> StringField:
    """One line. `missing` is the sentence for an empty one; without it the field may stay empty."""
    return StringField(label, [*_required(missing), _length(most)], filters=[clean], description=hint, **more)


def long_text(label: Any, *, hint: Any = "", missing: Any = None, most: int = TEXT_MOST, **more: Any) -> TextAreaField:
    """Several lines."""
    return TextAreaField(label, [*_required(missing), _length(most)], filters=[clean], description=hint, **more)


def passphrase(label: Any, *, hint: Any = "", missing: Any = None, **more: Any) -> PasswordField:
    """A passphrase; never shown again, never kept."""
    return PasswordField(label, [*_required(missing), Length(max=1000)], description=hint, **more)


def number(label: Any, *, least: int, most: int, hint: Any = "", missing: Any = None, **more: Any) -> IntegerField:
    """A whole number."""
    said = _l("Write a whole number from %(min)d to %(max)d")
    return IntegerField(label, [*_required(missing), NumberRange(least, most, said)], description=hint, **more)


def day(label: Any, *, hint: Any = "", missing: Any = None, **more: Any) -> DateField:
    """A date, as the browser's date control sends it (2031-05-31)."""
    return DateField(label, _required(missing), description=hint, **more)


def select(label: Any, options: Choices = (), *, hint: Any = "", missing: Any = None, **more: Any) -> SelectField:
    """One of a list that opens."""
    return SelectField(label, _required(missing), choices=list(options), description=hint, **more)


def one_of(label: Any, options: Choices = (), *, hint: Any = "", missing: Any = None, **more: Any) -> RadioField:
    """One of a few, all in sight."""
    checks = [] if missing is None else [_chosen(missing)]
    return RadioField(
        label, checks, choices=list(options), description=hint, validate_choice=missing is not None, **more
    )


def some_of(
    label: Any, options: Choices = (), *, hint: Any = "", missing: Any = None, **more: Any
) -> SelectMultipleField:  # fmt: skip
    """Any of a few, all in sight, each with a tick."""
    checks = [] if missing is None else [_chosen(missing)]
    return SelectMultipleField(
        label, checks, choices=list(options), description=hint, option_widget=CheckboxInput(), **more
    )


def tick(label: Any, *, hint: Any = "", missing: Any = None, **more: Any) -> BooleanField:
    """A tick; with `missing` it has to be set."""
    return BooleanField(label, [_chosen(missing)] if missing else [], description=hint, **more)


def file(label: Any, *, hint: Any = "", **more: Any) -> FileField:
    """A file. The bytes are sealed as they arrive, never spooled (desk/uploads.py)."""
    return FileField(label, description=hint, **more)


def lines(label: Any, *, hint: Any = "", least: int = 1, most: int = LINE_MOST) -> "FieldList[Any]":
    """Several single lines."""
    return FieldList(text("", most=most), label, min_entries=least, description=hint)


def _chosen(missing: Any) -> Callable[[Any, Field], None]:
    def check(form: Any, field: Field) -> None:
        if not field.data or field.data == "None":
            # The choice of the library says something else first; only our own sentence stays.
            field.errors = []
            raise ValidationError(missing)

    return check


# ---- Sent once --------------------------------------------------------------------------------------------------


def once(view: View) -> View:
    """A form that is sent twice (double click, back button) is carried out once, and leads twice to the same page."""

    @functools.wraps(view)
    def run(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        number = request.form.get("once", "") if request.method == "POST" else ""
        if not number:
            return view(*args, **kwargs)
        with current_user.acts:
            if number in current_user.done:
                return redirect(current_user.done[number], 303)
            answer = view(*args, **kwargs)
            if isinstance(answer, Response) and answer.status_code in (302, 303):
                current_user.note_done(number, answer.location)
            return answer

    return run  # type: ignore[return-value]


def done(location: str) -> ResponseReturnValue:
    """After a form was carried out: on to a page that may be loaded again."""
    return redirect(location, 303)


def options(values: Iterable[Any], words: Callable[[Any], Any] = str) -> Choices:
    """Choices out of values and the words for them."""
    return [(str(value), words(value)) for value in values]
