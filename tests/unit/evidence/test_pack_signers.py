"""Directory statements of a pack: what has no place there is refused with a code, whatever stands in it."""

from typing import Any

import pytest

from crypto.encoding import dump_json
from crypto.statements import Statement
from custody.policy import Trust
from errors import SignerUnproven
from evidence.pack_signers import Signers

LOG = "log.example/2026"


def statement(kind: Any) -> bytes:
    raw = dump_json({"agency": "harbour-house", "kind": kind, "log": LOG, "v": 1})
    return Statement(raw, (("harbour-house/administrator-1", bytes(64)),)).dump()


@pytest.mark.parametrize("kind", [{}, [], [[]], None, True, 1, "", "founding", "admission", {"certificate": 1}])
def test_a_statement_of_a_strange_kind_is_refused_with_a_code(kind: Any) -> None:
    signers = Signers(LOG, Trust(()))
    with pytest.raises(SignerUnproven) as caught:
        signers.take(12, statement(kind))
    assert "has no place in a pack" in caught.value.message


def test_a_known_kind_gets_past_that_rule_and_is_refused_for_what_is_wrong_with_it() -> None:
    """Control: the rule lets a known kind through."""
    with pytest.raises(SignerUnproven) as caught:
        Signers(LOG, Trust(())).take(12, statement("certificate"))
    assert "does not count" in caught.value.message
