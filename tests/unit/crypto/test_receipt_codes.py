"""Codes on paper and in words: one number, two ways to write it, and nothing else is read as one."""

import random

import pytest
from shamir_mnemonic.wordlist import WORDLIST

from crypto import receipt_codes as codes
from errors import FormatError


def test_signs_and_words_are_the_same_code_however_they_are_typed(rng: random.Random) -> None:
    for _ in range(200):
        code = codes.new_code(rng.randbytes)
        signs, words = codes.as_signs(code), codes.as_words(code)
        said = [signs, signs.lower(), signs.replace("-", " "), signs.replace("-", ""), signs.replace("0", "o"),
                signs.replace("1", "l"), " ".join(words), ", ".join(words).upper(), "\n".join(words),
                "-".join(word[:4] for word in words)]  # fmt: skip
        assert {codes.parse_code(one) for one in said} == {code}


@pytest.mark.parametrize("code", [0, 1, 2**60 - 1])
def test_the_ends_of_the_range_have_twelve_signs_and_six_words(code: int) -> None:
    assert len(codes.as_signs(code)) == 14
    assert len(codes.as_words(code)) == 6
    assert codes.parse_code(codes.as_signs(code)) == codes.parse_code(" ".join(codes.as_words(code))) == code


@pytest.mark.parametrize(
    "text",
    ["", " ", "K4P7-22WM-9XQ", "K4P7-22WM-9XQDD", "K4P7-22WM-9XQU", "academic acid acne acquire acrobat",
     "academic acid acne acquire acrobat nobody", "\u202e" * 12, "١٢٣٤٥٦٧٨٩٠١٢", "x" * 200, "aca aci acn acq acr act"],
)  # fmt: skip
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        codes.parse_code(text)


def test_no_code_that_is_given_out_has_a_word_that_hurts(rng: random.Random) -> None:
    given = {word for _ in range(3000) for word in codes.as_words(codes.new_code(rng.randbytes))}
    assert not given & codes.UNFIT
    assert len(given) > 800
    assert set(WORDLIST) > codes.UNFIT
    unfit = codes.parse_code("prisoner acid academic adapt acquire actress")  # the control: it is read all the same
    assert codes.as_words(unfit)[0] == "prisoner"


def test_every_bit_of_a_code_is_random(rng: random.Random) -> None:
    made = [codes.new_code(rng.randbytes) for _ in range(2000)]
    assert len(set(made)) == 2000
    for bit in range(codes.BITS):
        share = sum(code >> bit & 1 for code in made) / len(made)
        assert 0.4 < share < 0.6, bit
