"""fields, canonical JSON, base64, names, Ed25519 as it is verified here (docs/protocol.md 1).

Expected bytes of the valid ones are written out by hand where they are short.
"""

from tests.unit.crypto import reference as ref
from tests.unit.crypto.reference import fields
from tests.vectors_made import curve
from tests.vectors_made.book import Book, draw, flipped
from tests.vectors_made.people import receiving_key


def add_fields(book: Book) -> None:
    book.form(
        "fields",
        "given: label and values (numbers; null; {text}; {bytes}); expected: the bytes. Text is UTF-8, a number "
        "has 8 bytes",
    )
    one = b"\0\0\0\1"
    label = b"\0\0\0\1L"
    for title, values, raw in (
        ("a label alone", [], one + label),
        ("nothing as a value", [None], b"\0\0\0\2" + label + bytes(4)),
        ("empty text", [{"text": ""}], b"\0\0\0\2" + label + bytes(4)),
        ("text and bytes", [{"text": "señas"}, {"bytes": b"\0\xff"}],
         b"\0\0\0\3" + label + b"\0\0\0\6se\xc3\xb1as" + b"\0\0\0\2\0\xff"),
        ("the number 0", [0], b"\0\0\0\2" + label + b"\0\0\0\x08" + bytes(8)),
        ("the number 2^64 - 1", [2**64 - 1], b"\0\0\0\2" + label + b"\0\0\0\x08" + b"\xff" * 8),
        ("a text outside the first plane", [{"text": "\U0001f642"}],
         b"\0\0\0\2" + label + b"\0\0\0\4\xf0\x9f\x99\x82"),
    ):  # fmt: skip
        book.valid(title, {"label": "L", "values": values}, {"fields": raw})
    like = "the number 0"
    book.invalid("the number -1", like, "format", values=[-1])
    book.invalid("the number 2^64", like, "format", values=[2**64])
    book.invalid("true as a number", like, "format", values=[True])
    book.invalid("half a character", "empty text", "format", values=[{"text": "\ud83d"}])
    book.form("parsed-fields", "given: label and bytes; expected: the values behind the label")
    good = fields("L", b"ab", b"")
    like = "two values"
    book.valid(like, {"label": "L", "fields": good}, {"values": [b"ab", b""]})
    book.valid("no value", {"label": "L", "fields": fields("L")}, {"values": []})
    for title, data in {
        "fields one byte short": good[:-1],
        "fields one byte long": good + b"\0",
        "fields with a count one too small": b"\0\0\0\2" + good[4:],
        "fields with a count one too large": b"\0\0\0\4" + good[4:],
        "fields without a label": bytes(4),
        "no fields": b"",
        "fields with a little-endian count": b"\3\0\0\0" + good[4:],
        "a field with a length beyond the end": good[:-4] + b"\0\0\0\1",
        "a field with a length of 2^32 - 1": good[:-4] + b"\xff" * 4,
        "fields with another label": fields("M", b"ab", b""),
        "fields with a label that begins alike": fields("LL", b"ab", b""),
    }.items():
        book.invalid(title, like, "format", fields=data)


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def add_json(book: Book) -> None:
    book.form("json", "given: canonical JSON as text (`_hex` where it is no UTF-8 text); expected: its value")
    for title, text, value in (
        ("an empty object", "{}", {}),
        ("every kind of value", '{"a":[1,-1,0,true,false,null,""],"b":{}}',
         {"a": [1, -1, 0, True, False, None, ""], "b": {}}),
        ("keys in order", '{"-":1,"0":2,"_":3,"a":4,"a-":5,"a0":6,"aa":7}',
         {"-": 1, "0": 2, "_": 3, "a": 4, "a-": 5, "a0": 6, "aa": 7}),
        ("the largest integer", "9007199254740991", 2**53 - 1),
        ("the smallest integer", "-9007199254740991", -(2**53) + 1),
        ("text with short escapes", '"\\b\\t\\n\\f\\r\\"\\\\"', "\b\t\n\f\r\"\\"),
        ("text with a long escape", '"\\u0000\\u001f"', "\0\x1f"),
        ("text that needs no escape", '"/\x7f\u00f1\u2028\U0001f642"', "/\x7f\u00f1\u2028\U0001f642"),
        ("sixteen levels", nested(16), [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]),
    ):  # fmt: skip
        book.valid(title, {"text": text}, {"value": value})
    like = "an empty object"
    for title, text in {
        "a duplicate key": '{"a":1,"a":1}',
        "a duplicate key behind an escape": '{"a":1,"\\u0061":1}',
        "a float": '{"a":1.5}',
        "an integer with a fraction of zero": '{"a":1.0}',
        "an integer with an exponent": '{"a":1e2}',
        "minus zero": '{"a":-0}',
        "an integer with a leading zero": '{"a":01}',
        "an integer with a plus": '{"a":+1}',
        "the integer 2^53": '{"a":9007199254740992}',
        "the integer -2^53": '{"a":-9007199254740992}',
        "NaN": '{"a":NaN}',
        "infinity": '{"a":Infinity}',
        "unsorted keys": '{"b":1,"a":1}',
        "white space": '{"a": 1}',
        "a newline at the end": "{}\n",
        "a comma too many": '{"a":1,}',
        "two values in a row": "{}{}",
        "a comment": "{}//",
        "an upper-case key": '{"A":1}',
        "an empty key": '{"":1}',
        "a key with a space": '{"a b":1}',
        "a key that is not ASCII": '{"\u00f1":1}',
        "a lone surrogate": '"\\ud83d"',
        "an escape that is not needed": '"\\u00f1"',
        "an escaped slash": '"\\/"',
        "an escape in capitals": '"\\u001F"',
        "a control character": '"\x1f"',
        "single quotes": "'a'",
        "depth 17": nested(17),
        "depth 17 in objects": '{"a":' * 17 + "1" + "}" * 17,
        "nothing at all": "",
        "text that is cut off": '{"a":1',
        "a word": "nil",
    }.items():
        book.invalid(title, like, "format", text=text)
    for title, data in {
        "a byte order mark": b"\xef\xbb\xbf{}",
        "UTF-16": "{}".encode("utf-16-le"),
        "a byte that is no UTF-8": b'"\xff"',
        "an overlong UTF-8 sequence": b'"\xc0\xaf"',
        "a surrogate in UTF-8": b'"\xed\xa0\xbd"',
        "surrogates as a pair in UTF-8": b'"\xed\xa0\xbd\xed\xb9\x82"',
    }.items():
        book.invalid(title, like, "format", text_hex=data)


def add_base64(book: Book) -> None:
    book.form("base64url", "given: base64url without padding; expected: the bytes")
    for text, data in {"": b"", "AA": b"\0", "AAE": b"\0\1", "AAEC": b"\0\1\2", "-_-_": b"\xfb\xff\xbf"}.items():
        book.valid(f"base64url {text or 'of nothing'}", {"text": text}, {"data": data})
    for title, text in {
        "base64url with padding": "AA==",
        "base64url with unused bits of one byte": "AB",
        "base64url with unused bits of two bytes": "AAF",
        "base64url of one sign": "A",
        "base64url with the other alphabet": "+/+/",
        "base64url with a newline": "AAEC\n",
        "base64url with a space": "AA EC",
        "base64url with a sign outside ASCII": "AA\u00c9C",
    }.items():
        book.invalid(title, "base64url AAEC", "format", text=text)
    book.form("base64", "given: base64 with padding; expected: the bytes")
    for text, data in {"AA==": b"\0", "AAE=": b"\0\1", "+/+/": b"\xfb\xff\xbf"}.items():
        book.valid(f"base64 {text}", {"text": text}, {"data": data})
    for title, text in {
        "base64 without padding": "AA",
        "base64 with too much padding": "AA===",
        "base64 with unused bits of one byte": "AB==",
        "base64 with unused bits of two bytes": "AAF=",
        "base64 with the other alphabet": "-_-_",
        "base64 with a newline in it": "AA\n==",
        "base64 behind its padding": "AA==AA==",
    }.items():
        book.invalid(title, "base64 AA==", "format", text=text)


def add_names(book: Book) -> None:
    """By a certificate's form: agency, role handle; by a checkpoint's: origin; both are in other files too."""
    book.form("agency", "given: an agency's name; expected: nothing more")
    for name in ("a", "north-police", "a" * 40, "0-0"):
        book.valid(f"agency {name}", {"name": name}, None)
    for title, name in {
        "no name": "",
        "a name of 41 signs": "a" * 41,
        "a name in capitals": "North",
        "a name with an underscore": "north_police",
        "a name that begins with a hyphen": "-north",
        "a name that ends with a hyphen": "north-",
        "a name with an accent": "nórth",
        "a name with a newline": "north\n",
    }.items():
        book.invalid(title, "agency a", "format", name=name)
    book.form("role-handle", "given: a role handle; expected: its agency")
    for name in ("north-police/liaison-3", "a/case-worker-999999", "a/b-1"):
        book.valid(f"role handle {name}", {"name": name}, {"agency": name.split("/")[0]})
    for title, name in {
        "a role handle without a number": "a/liaison",
        "a role handle with the number 0": "a/liaison-0",
        "a role handle with a number of seven digits": "a/liaison-1000000",
        "a role handle with a leading zero": "a/liaison-01",
        "a role handle with two hyphens": "a/case--worker-1",
        "a role handle with a digit in its word": "a/liaison2-1",
        "a role handle without an agency": "/liaison-1",
        "a role handle of three parts": "a/b/liaison-1",
        "a role handle with a newline": "a/liaison-1\n",
    }.items():
        book.invalid(title, "role handle a/b-1", "format", name=name)


def add_signatures(book: Book) -> None:
    book.form("signature", "given: an Ed25519 key, label, values (bytes), signature; expected: nothing more")
    seed, values = draw("signing seed"), [b"one", b""]
    key, message = ref.public_key(seed), fields("label", *values)
    good = ref.sign(seed, message)
    like = "a signature"
    book.valid(like, {"key": key, "label": "label", "values": values, "signature": good}, None)
    r, s = good[:32], int.from_bytes(good[32:], "little")
    neutral = curve.encode((0, 1))
    eighth = curve.torsion()
    nonce = int.from_bytes(draw("nonce of a signature"), "little") % curve.L
    shifted = curve.encode(curve.add(curve.times(nonce, curve.BASE), eighth))
    for title, signature in {
        "an altered R": flipped(good, 0),
        "an altered S": flipped(good, 32),
        "an S that is L larger": r + (s + curve.L).to_bytes(32, "little"),
        "an S with its highest bit": r + (s | 1 << 255).to_bytes(32, "little"),
        "an R of small order": curve.sign_with(seed, key, message, neutral, 0),
        "a signature that holds with the cofactor alone": curve.sign_with(seed, key, message, shifted, nonce),
        "a signature of the label alone": ref.sign(seed, b"label"),
        "a signature over the values without a label": ref.sign(seed, b"".join(values)),
        "a signature of 63 bytes": good[:-1],
        "a signature of 65 bytes": good + b"\0",
        "no signature": b"",
    }.items():
        book.invalid(title, like, "signature-invalid", signature=signature)
    book.invalid("another key", like, "signature-invalid", key=ref.public_key(draw("other signing seed")))
    book.invalid("another label", like, "signature-invalid", label="labels")
    book.invalid("values in another order", like, "signature-invalid", values=values[::-1])
    book.invalid("values run together", like, "signature-invalid", values=[b"one"])
    plain = curve.sign_with(seed, key, message, curve.encode(curve.times(nonce, curve.BASE)), nonce)
    book.valid(
        "a signature with another nonce", {"key": key, "label": "label", "values": values, "signature": plain}, None
    )


def add_keys(book: Book) -> None:
    book.form("public-key", "given: an Ed25519 key that is certified; expected: nothing more")
    key = ref.public_key(draw("signing seed"))
    like = "an Ed25519 public key"
    book.valid(like, {"key": key}, None)
    eighth = curve.torsion()
    assert curve.encode(curve.decode(key)) == key
    not_a_point = next(raw for raw in (bytes([number]) + bytes(31) for number in range(2, 50)) if not _is_point(raw))
    for title, raw in {
        "a key of order 1": curve.encode((0, 1)),
        "a key of order 2": curve.encode((0, curve.P - 1)),
        "a key of order 4": curve.encode(curve.times(2, eighth)),
        "a key of order 8": curve.encode(eighth),
        "a key outside the prime-order group": curve.encode(curve.add(curve.decode(key), eighth)),
        "a key that is no point": not_a_point,
        "a key with y = p": curve.P.to_bytes(32, "little"),
        "a key with y = p + 1": (curve.P + 1).to_bytes(32, "little"),
        "a key of zeros": bytes(32),
        "a key of 31 bytes": key[:-1],
        "a key of 33 bytes": key + b"\0",
    }.items():
        book.invalid(title, like, "format", key=raw)
    book.form("receiving-key", "given: a receiving key that is certified; expected: nothing more")
    own = receiving_key("encoding")
    like = "a receiving public key"
    book.valid(like, {"key": own}, None)
    coefficient = (3329).to_bytes(2, "little")  # twelve bits: the first coefficient of the first row
    book.invalid("a receiving key with a coefficient of 3,329", like, "format",
                 key=bytes([coefficient[0], own[1] & 0xF0 | coefficient[1]]) + own[2:])  # fmt: skip
    book.invalid("a receiving key one byte short", like, "format", key=own[:-1])
    book.invalid("a receiving key one byte long", like, "format", key=own + b"\0")
    book.invalid("an ML-KEM key alone", like, "format", key=own[:1184])


def _is_point(raw: bytes) -> bool:
    try:
        curve.decode(raw)
    except AssertionError:
        return False
    return True


def add(book: Book) -> None:
    """All of this module."""
    add_fields(book)
    add_json(book)
    add_base64(book)
    add_names(book)
    add_signatures(book)
    add_keys(book)
