"""The form of a bundle: what the protocol names is read, everything else is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.encoding import b64u, dump_json
from errors import AmparoError, FormatError
from exchange.forms import media_type, parse_form
from tests.support.traffic import form

ID, DIGEST = b64u(bytes(16)), b64u(bytes(32))
PERSON = {"pseudonym": "P-1", "category": "woman", "fields": {"nationality": ["XA"]}}
EXHIBIT = {
    "object": ID, "root_number": "R/1", "local_number": None, "description": "a phone",
    "files": [{"file": ID, "label": "R/1.1"}], "handling": ["no copies"], "holding": DIGEST,
}  # fmt: skip
CUSTODY = {"statement": b64u(b"signed"), "salt": DIGEST, "proof": b64u(b"proof")}
EXTRACT = {
    "v": 1, "record": ID, "person": "P-1", "purposes": ["prosecution"], "items": [ID], "recipient": "south-prosecutor",
    "given_on": "2026-01-01", "valid_until": None, "language": "en", "how_to_withdraw": "tell us", "place": 7,
    "signature_by": "shelter-ngo/case-worker-1", "signature": b64u(bytes(64)),
}  # fmt: skip
WHOLE = form(persons=[PERSON], exhibits=[EXHIBIT], custody=[CUSTODY], consents=[EXTRACT])
INQUIRY = {"inquiry": ID, "type": "evidence", "questions": ["which?"], "about": "a phone", "reply_by": "2031-05-01"}
ANSWER = {"inquiry": ID, "decision": "granted", "ground": None}


def _raw(value: Any, kind: str = "share") -> bytes:
    return dump_json({"v": 1, "kind": kind, **value})


@pytest.mark.parametrize(
    ("kind", "more"), [("share", {}), ("inquiry", INQUIRY), ("answer", ANSWER), ("referral", {"to": "a shelter"})]
)
def test_a_form_is_read_as_it_was_written(kind: str, more: dict[str, Any]) -> None:
    value = {"v": 1, "kind": kind, **WHOLE, **more}
    assert parse_form(dump_json(value), kind) == value
    assert media_type(kind) == f"application/vnd.amparo.{kind}+json"


BAD: list[dict[str, Any]] = [
    {"text": None},
    {"case": 1},
    {"persons": {}},
    {"persons": [{**PERSON, "name": "somebody"}]},
    {"persons": [{**PERSON, "fields": {"Nationality": ["XA"]}}]},
    {"persons": [{**PERSON, "fields": {"nationality": "XA"}}]},
    {"exhibits": [{**EXHIBIT, "object": "short"}]},
    {"exhibits": [{**EXHIBIT, "holding": ID}]},
    {"exhibits": [{**EXHIBIT, "files": [{"file": ID}]}]},
    {"custody": [{**CUSTODY, "salt": ID}]},
    {"consents": [{**EXTRACT, "place": 8}]},
    {"consents": [{**EXTRACT, "place": True}]},
    {"consents": [{**EXTRACT, "recipient": "Nobody!"}]},
    {"consents": [{**EXTRACT, "given_on": "yesterday"}]},
    {"consents": [{**EXTRACT, "others": ["north-police"]}]},
    {"consents": [{**EXTRACT, "v": True}]},
    {"unknown": 1},
    {"v": 2},
    {"kind": "answer"},
]


@pytest.mark.parametrize("change", BAD, ids=[str(number) for number in range(len(BAD))])
def test_a_form_with_anything_else_is_refused(change: dict[str, Any]) -> None:
    parse_form(_raw(WHOLE), "share")
    with pytest.raises(FormatError):
        parse_form(_raw({**WHOLE, **change}), "share")


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_a_form_that_lacks_a_member_is_refused(name: str) -> None:
    for kind in ("share", "referral"):
        with pytest.raises(FormatError):
            parse_form(_raw({key: value for key, value in WHOLE.items() if key != name}, kind), kind)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("inquiry", {"type": "gossip"}),
        ("inquiry", {"reply_by": "soon"}),
        ("inquiry", {"questions": "which?"}),
        ("answer", {"decision": "maybe"}),
        ("answer", {"inquiry": None}),
        ("share", {"inquiry": ID}),
    ],
)
def test_members_of_a_kind_have_their_form(kind: str, change: dict[str, Any]) -> None:
    members: dict[str, dict[str, Any]] = {"inquiry": INQUIRY, "answer": ANSWER}
    own = members.get(kind, {})
    parse_form(_raw({**WHOLE, **own}, kind), kind)
    with pytest.raises(FormatError):
        parse_form(_raw({**WHOLE, **own, **change}, kind), kind)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(WHOLE)), inner, max_size=3),
    max_leaves=8,
)


@given(name=st.sampled_from(sorted(WHOLE)), value=_JSON)
def test_no_form_raises_anything_but_the_projects_own_errors(name: str, value: Any) -> None:
    try:
        raw = _raw({**WHOLE, name: value})
        parse_form(raw, "share")
    except AmparoError:
        pass


@given(st.binary(max_size=60))
def test_bytes_that_are_no_form_are_refused(raw: bytes) -> None:
    with pytest.raises(FormatError):
        parse_form(raw, "share")
