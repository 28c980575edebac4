"""What crosses from one process of a broker to another, through the tables `pending` and `outcome`."""

from collections.abc import Mapping
from typing import Any

from crypto.encoding import b64u, dump_json, parse_json, unb64u
from errors import AmparoError

LARGEST_BYTES = 2**22


def pack(value: Any) -> bytes:
    """Text, integers, bytes, None, lists and mappings as canonical JSON."""
    return dump_json(_pack(value))


def _pack(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"b": b64u(value)}
    if isinstance(value, Mapping):
        # As pairs: a key may be a role handle, and a key of canonical JSON has no slash.
        return {"d": [[key, _pack(item)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_pack(item) for item in value]
    return value


def unpack(data: bytes) -> Any:
    """The reverse of `pack`."""
    return _unpack(parse_json(data, max_bytes=LARGEST_BYTES))


def _unpack(value: Any) -> Any:
    if isinstance(value, dict):
        if "b" in value:
            return unb64u(value["b"])
        return {key: _unpack(item) for key, item in value["d"]}
    if isinstance(value, list):
        return [_unpack(item) for item in value]
    return value


def pack_answer(answer: Any) -> bytes:
    """An answer, or the code and message of an AmparoError."""
    if isinstance(answer, AmparoError):
        return pack({"code": answer.code, "message": answer.message})
    return pack({"answer": answer})


def unpack_answer(data: bytes) -> Any:
    """The answer, or the error again, of its class."""
    found = unpack(data)
    if "answer" in found:
        return found["answer"]
    return get_error_class(found["code"])(found["message"])


def get_error_class(code: str) -> type[AmparoError]:
    """The class of errors.py with this code."""
    classes = [AmparoError]
    for cls in classes:
        classes.extend(cls.__subclasses__())
    return next((cls for cls in classes if cls.code == code), AmparoError)
