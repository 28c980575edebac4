"""Files of several handover documents: bound, split, and refused when they are anything else."""

import pytest

from crypto.encoding import b64u, dump_json
from errors import FormatError
from exchange.handover_papers import MOST_DOCUMENTS, bind, split

ONE = dump_json({"v": 1, "kind": "handover", "events": [{"statement": "x", "salt": "y"}]})
TWO = dump_json({"v": 1, "kind": "handover", "events": [{"statement": "z", "salt": "y"}]})


def test_one_document_stays_as_it_is_and_several_come_out_as_they_went_in() -> None:
    assert bind([ONE]) == ONE
    assert split(ONE) == [ONE]
    assert split(bind([ONE, TWO])) == [ONE, TWO]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"not json",
        dump_json({"v": 1, "kind": "handovers", "documents": []}),
        dump_json({"v": 2, "kind": "handovers", "documents": [b64u(ONE)]}),
        dump_json({"v": 1, "kind": "handovers", "documents": [5]}),
        dump_json({"v": 1, "kind": "handovers", "documents": ["***"]}),
        dump_json({"v": 1, "kind": "handovers", "documents": [b64u(b"{}")]}),
        dump_json({"v": 1, "kind": "handovers", "documents": [b64u(ONE)], "more": 1}),
        dump_json({"v": 1, "kind": "handovers", "documents": [b64u(ONE)] * (MOST_DOCUMENTS + 1)}),
        # One file does not hold another one of many.
        dump_json({"v": 1, "kind": "handovers", "documents": [b64u(bind([ONE, TWO]))]}),
    ],
)
def test_what_is_no_handover_document_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        split(data)
