"""Signed requests: signature base, Signature-Input, Content-Digest (docs/protocol.md 9, RFC 9421 and 9530)."""

from typing import Any

from tests.unit.crypto import reference as ref
from tests.unit.crypto.reference import b64u, sha256
from tests.vectors_made.book import Book, draw, flipped
from tests.vectors_made.curve import L
from tests.vectors_made.notes import b64
from tests.vectors_made.people import NORTH, NOW, public, seed

NAMES = ("@method", "@authority", "@path", "@query", "content-digest", "content-type", "amparo-broker")
NONCE = draw("request nonce", 16)
BODY = b'{"events":[]}'


def digest(body: bytes) -> str:
    return f"sha-256=:{b64(sha256(body))}:"


def parameters(names: tuple[str, ...] = NAMES, **changes: Any) -> str:
    """The inner list with its parameters; a parameter of None is left out."""
    values: dict[str, Any] = {
        "created": NOW, "expires": NOW + 60, "nonce": f'"{b64u(NONCE)}"', "keyid": f'"desk/{NORTH}"',
        "tag": '"amparo/v1"', **changes,
    }  # fmt: skip
    covered = " ".join(f'"{name}"' for name in names)
    return f"({covered})" + "".join(f";{name}={value}" for name, value in values.items() if value is not None)


def request(**changes: Any) -> dict[str, Any]:
    """The parts of a request."""
    return {
        "method": "POST", "authority": "broker.example", "path": "/v1/events", "query": "", "body": BODY,
        "content_digest": digest(BODY), "content_type": "application/json", "broker": "one", **changes,
    }  # fmt: skip


def base(parts: dict[str, Any], inner: str, names: tuple[str, ...] = NAMES) -> bytes:
    values = dict(zip(NAMES, (
        parts["method"], parts["authority"], parts["path"], "?" + parts["query"], parts["content_digest"],
        parts["content_type"], parts["broker"],
    ), strict=True))  # fmt: skip
    lines = [f'"{name}": {values[name]}' for name in names]
    return "\n".join([*lines, f'"@signature-params": {inner}']).encode()


def signed(
    parts: dict[str, Any], inner: str, names: tuple[str, ...] = NAMES, by: str = f"desk/{NORTH}"
) -> dict[str, Any]:
    raw = ref.sign(seed(by), base(parts, inner, names))
    return {**parts, "key": public(f"desk/{NORTH}"), "signature_input": f"amparo={inner}",
            "signature": f"amparo=:{b64(raw)}:"}  # fmt: skip


def add_digests(book: Book) -> None:
    book.form("content-digest", "given: a body and the value of Content-Digest; expected: nothing more")
    like = "a digest of a body"
    book.valid(like, {"body": BODY, "value": digest(BODY)}, None)
    book.valid("a digest of an empty body", {"body": b"", "value": digest(b"")}, None)
    book.invalid("a digest of another body", like, "signature-invalid", body=BODY + b"\n")
    for title, value in {
        "a digest of another algorithm": digest(BODY).replace("sha-256", "sha-512"),
        "a digest without colons": digest(BODY).replace(":", ""),
        "a digest without padding": digest(BODY).replace("=:", ":").replace("sha-256:", "sha-256=:"),
        "a digest in capitals": digest(BODY).replace("sha", "SHA"),
        "two digests": f"{digest(BODY)}, {digest(BODY)}",
        "a digest of nothing": "",
    }.items():
        book.invalid(title, like, "signature-invalid", value=value)


def add_inputs(book: Book) -> None:
    book.form("signature-input", "given: the value of Signature-Input; expected: its parameters")

    def valid(name: str, **changes: Any) -> None:
        key_id = str(changes.get("keyid", f'"desk/{NORTH}"')).strip('"')
        created, expires = changes.get("created", NOW), changes.get("expires", NOW + 60)
        book.valid(name, {"value": f"amparo={parameters(**changes)}"},
                   {"created": created, "expires": expires, "nonce": NONCE, "keyid": key_id})  # fmt: skip

    like = "the input of a desk"
    valid(like)
    valid("the input of an invitation", keyid=f'"invite/{b64u(draw("invitation", 16))}"')
    valid("an input of 300 seconds", expires=NOW + 300)
    good = f"amparo={parameters()}"
    for title, value in {
        "another label": good.replace("amparo=", "sig1="),
        "two signatures": f"{good}, sig1={parameters()}",
        "a missing component": f"amparo={parameters(NAMES[:-1])}",
        "a component too many": f"amparo={parameters((*NAMES, 'date'))}",
        "components in another order": f"amparo={parameters(NAMES[::-1])}",
        "a component twice": f"amparo={parameters((*NAMES, NAMES[-1]))}",
        "a component with a parameter": good.replace('"@query"', '"@query";req'),
        "no component": f"amparo={parameters(())}",
        "an expiry 301 seconds away": f"amparo={parameters(expires=NOW + 301)}",
        "an expiry before the start": f"amparo={parameters(expires=NOW - 1)}",
        "an expiry at the start": f"amparo={parameters(expires=NOW)}",
        "no expiry": f"amparo={parameters(expires=None)}",
        "no nonce": f"amparo={parameters(nonce=None)}",
        "a nonce of 15 bytes": f"amparo={parameters(nonce=chr(34) + b64u(NONCE[:-1]) + chr(34))}",
        "a nonce with unused bits": good.replace(b64u(NONCE), b64u(NONCE)[:-1] + "B"),
        "another tag": f"amparo={parameters(tag=chr(34) + 'amparo/v2' + chr(34))}",
        "no tag": f"amparo={parameters(tag=None)}",
        "a key of an officer": f"amparo={parameters(keyid=chr(34) + NORTH + '/liaison-3' + chr(34))}",
        "a key without quotation marks": f"amparo={parameters(keyid='desk/' + NORTH)}",
        "a key of an upper-case agency": f"amparo={parameters(keyid=chr(34) + 'desk/North' + chr(34))}",
        "an algorithm": f"amparo={parameters(alg=chr(34) + 'ed25519' + chr(34))}",
        "a start with a leading zero": f"amparo={parameters(created=f'0{NOW}')}",
        "a negative start": f"amparo={parameters(created=-1)}",
        "a start with a fraction": f"amparo={parameters(created=f'{NOW}.0')}",
        "parameters in another order": good.replace(f";created={NOW}", "") + f";created={NOW}",
        "white space between parameters": good.replace(";expires", "; expires"),
        "white space at the end": good + " ",
        "an empty input": "",
    }.items():
        book.invalid(title, like, "format", value=value)


def add_requests(book: Book) -> None:
    book.form(
        "request",
        "given: the parts of a request as they came (the authority is the configured one), the desk's key, "
        "Signature-Input, Signature; expected: the signature base",
    )
    like = "a signed request"

    def valid(name: str, **changes: Any) -> None:
        parts = request(**changes)
        book.valid(name, signed(parts, parameters()), {"base": base(parts, parameters()).decode()})

    valid(like)
    valid("a signed request with a query", method="GET", path="/v1/directory", query="after=5", body=b"",
          content_digest=digest(b""), content_type="application/octet-stream")  # fmt: skip
    valid("a signed request with signs in its path", path="/v1/bundles/00%2F..")
    valid("a signed request with an empty value in its query", query="a=&b")
    refused = "signature-invalid"
    for title, change in {
        "an altered method": {"method": "PUT"},
        "a method in lower case": {"method": "post"},
        "another authority": {"authority": "broker.example.org"},
        "an authority with a port": {"authority": "broker.example:443"},
        "an altered path": {"path": "/v1/entries"},
        "a path with a slash at its end": {"path": "/v1/events/"},
        "a query that was added": {"query": "a=1"},
        "another body with its digest": {"body": b"{}", "content_digest": digest(b"{}")},
        "another body under the old digest": {"body": b"{}"},
        "another type of content": {"content_type": "application/json; charset=utf-8"},
        "another broker": {"broker": "two"},
    }.items():
        book.invalid(title, like, refused, **change)
    for title, query in {
        "an altered query": "after=6", "a query that was left out": "", "a query encoded otherwise": "after=%35"
    }.items():  # fmt: skip
        book.invalid(title, "a signed request with a query", refused, query=query)
    parts, good = request(), signed(request(), parameters())
    raw = ref.sign(seed(f"desk/{NORTH}"), base(parts, parameters()))
    longer = raw[:32] + (int.from_bytes(raw[32:], "little") + L).to_bytes(32, "little")
    short = NAMES[:2] + NAMES[3:]
    for title, signature in {
        "a signature by another key": signed(parts, parameters(), by="desk/other")["signature"],
        "an altered signature": f"amparo=:{b64(flipped(raw))}:",
        "a signature with an S that is L larger": f"amparo=:{b64(longer)}:",
        "a signature that does not cover the path": signed(parts, parameters(), short)["signature"],
        "a signature with other parameters than given": signed(parts, parameters(expires=NOW + 59))["signature"],
    }.items():
        book.invalid(title, like, refused, signature=signature)
    for title, signature in {
        "a signature under another label": good["signature"].replace("amparo=", "sig1="),
        "a second signature": f"{good['signature']}, sig1=:{b64(raw)}:",
        "a signature without colons": f"amparo={b64(raw)}",
        "a signature in base64url": f"amparo=:{b64u(raw)}==:",
        "a signature cut by a byte": f"amparo=:{b64(raw[:-1])}:",
        "an empty signature": "",
    }.items():
        book.invalid(title, like, "format", signature=signature)
    for title, change in {
        "a value with a newline": {"content_type": 'application/json\n"amparo-broker": two'},
        "a value with a space at its end": {"broker": "one "},
        "a value that is not ASCII": {"path": "/v1/ñ"},
        "an empty value": {"content_type": ""},
    }.items():
        made = request(**change)
        headers = signed(made, parameters())
        book.invalid(title, like, "format", **change, signature=headers["signature"])


def add(book: Book) -> None:
    """All of this module."""
    add_digests(book)
    add_inputs(book)
    add_requests(book)
