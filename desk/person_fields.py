"""The fields of a person's record on pages: names of HTCDS fields in words, in groups, and the forms out of them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from flask import request
from flask_babel import lazy_gettext as _l

from desk import case_words
from desk.field_words import LABELS
from desk.forms import DeskForm, clean, long_text, one_of, options, text
from identity.htcds import FIELDS
from identity.name_requests import IDENTIFYING
from identity.persons import ROLES

LONG: Final = frozenset(
    {
        "vic_detailsofvulnerabilities", "per_roledetails", "cas_incomingreferraldetails",
        "cas_outgoingreferraldetails", "cco_casecomment", "hte_description", "spl_objectives", "spl_actionplan",
    }
)  # fmt: skip
IDENTITY: Final = "identity"
# Group to its title and the start of its fields' names; those that name somebody stand in a group of their own.
_PREFIXES: Final = (
    ("person", _l("About the person"), "prs_"), ("trafficking", _l("What was done to the person"), "vic_"),
    ("role", _l("Part in the trafficking"), "per_"), ("event", _l("Event"), "hte_"),
    ("referral", _l("Referral"), "cas_"), ("plan", _l("Support plan"), "spl_"),
    ("organisation", _l("Organisation"), "org_"), ("notes", _l("Comment and consent as noted"), ("cco_", "con_")),
)  # fmt: skip
GROUPS: Final[tuple[tuple[str, Any, tuple[str, ...]], ...]] = (
    (IDENTITY, _l("Name and what identifies"), tuple(name for name in LABELS if name in IDENTIFYING)),
    *(
        (key, title, tuple(name for name in LABELS if name.startswith(prefix) and name not in IDENTIFYING))
        for key, title, prefix in _PREFIXES
    ),
)


def filled(values: Mapping[str, str], *, with_identity: bool) -> list[tuple[str, Any, list[tuple[Any, str]]]]:
    """Groups with the fields that are filled: (key, title, [(label, value)])."""
    found = []
    for key, title, names in GROUPS:
        if key != IDENTITY or with_identity:
            rows = [(LABELS[name], values[name]) for name in names if values.get(name)]
            if rows:
                found.append((key, title, rows))
    return found


def make_form(values: Mapping[str, str], role: str | None, *, with_identity: bool) -> DeskForm:
    """A form of all fields, or of all that do not name the person."""
    names = [name for name in FIELDS if with_identity or name not in IDENTIFYING or name in request.form]
    fields: dict[str, Any] = {
        name: long_text(LABELS[name], most=_most(values.get(name), 4000))
        if name in LONG
        else text(LABELS[name], most=_most(values.get(name)))
        for name in names
    }
    fields["role"] = one_of(
        _l("Who is this in the case?"), options(ROLES, case_words.ROLES.__getitem__),
        missing=_l("Choose who this is in the case"),
    )  # fmt: skip
    made: DeskForm = type("PersonForm", (DeskForm,), fields)(data={**values, "role": role})
    for name in names:
        made[name].flags.optional = False  # said once for all of them, at the head of the page
    return made


def _most(before: str | None, usual: int = 200) -> int:
    """A field that came longer out of a table stays so."""
    return max(usual, len(before or ""))


def values_of(form: DeskForm, before: Mapping[str, str]) -> dict[str, str]:
    """What the record says after this form; fields that it does not show stay as they were."""
    after = dict(before)
    for name in FIELDS:
        if name in form and name in request.form:
            after[name] = clean(form[name].data) or ""
    return {name: value for name, value in after.items() if value}


def groups_in(form: DeskForm) -> Iterable[tuple[str, Any, list[Any], bool]]:
    """Groups of a form: (key, title, fields, whether something in it is filled or wrong)."""
    for key, title, names in GROUPS:
        fields = [form[name] for name in names if name in form]
        if fields:
            yield key, title, fields, any(one.data or one.errors for one in fields)
