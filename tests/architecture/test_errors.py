"""Every error has a code that is its own and a sentence that a person can act on."""

import re

import pytest

import errors


def every_error() -> list[type[errors.AmparoError]]:
    """The tree, flattened; only classes of errors.py."""
    found = [errors.AmparoError]
    for cls in found:
        found.extend(sub for sub in cls.__subclasses__() if sub not in found)
    return [cls for cls in found if cls.__module__ == "errors"]


def test_all_errors_of_the_module_are_in_the_tree() -> None:
    """An exception beside the tree would reach the officer as a stack trace."""
    defined = {cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, Exception)}
    assert defined == set(every_error())


def test_codes_are_unique() -> None:
    """A code crosses the network: two errors with one code cannot be told apart on the other side."""
    codes = [cls.code for cls in every_error()]
    assert sorted(set(codes)) == sorted(codes)


@pytest.mark.parametrize("cls", every_error(), ids=lambda cls: cls.__name__)
def test_each_error_has_its_own_code_and_sentence(cls: type[errors.AmparoError]) -> None:
    """Inherited ones would say something else than what happened."""
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", cls.__dict__["code"])
    sentence = cls.explanation()
    assert sentence.endswith(".")
    assert sentence[0].isupper()


def test_the_message_falls_back_to_the_sentence() -> None:
    """An error raised without words still says something."""
    assert str(errors.NotFound()) == errors.NotFound.explanation()
    assert errors.NotFound("no such bundle").message == "no such bundle"
