"""Signed HTTP calls to the broker (docs/protocol.md 9).

Every request is signed anew after RFC 9421, also when the same event is sent again. A connection that fails before
an answer came is tried again, which is safe: every call is idempotent by the digest of what it carries.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from crypto import http_signatures, signing
from crypto.encoding import b64u, unb64u
from errors import AmparoError, FormatError, NotFound, SettingInvalid, Unavailable

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
LIFETIME_SECONDS: Final = 240
TRIES: Final = 3
TIMEOUT_SECONDS: Final = 30.0
LARGEST_JSON_BYTES: Final = 32 * 2**20
LARGEST_OCTETS_BYTES: Final = 16 * 2**20
REPEATED: Final = frozenset({"lease-lost"})

Clock = Callable[[], int]
Wait = Callable[[float], None]


def require_address(url: str) -> str:
    """The origin of a broker's address: https, or http on this machine.

    Raises:
        SettingInvalid: anything else.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise SettingInvalid("the broker's address is not a URL") from None
    if not host or parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise SettingInvalid("the broker's address has scheme, host and port, and nothing behind them")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise SettingInvalid("the broker is reached by https, or by http on this machine")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def error_class(code: object) -> type[AmparoError]:
    """The class of errors.py with this code; AmparoError for one that is not known here."""
    classes: list[type[AmparoError]] = [AmparoError]
    for cls in classes:
        classes.extend(cls.__subclasses__())
    return next((cls for cls in classes if cls.code == code), AmparoError)


@dataclass
class BrokerClient:
    """One broker, as one signer sees it: a desk, or the holder of an invitation.

    Args:
        url: origin of the broker.
        broker_id: name of the broker, which every signature covers.
        key_id: `desk/<agency>`, or `invite/<id>`.
        key: gives the signing key for one request.
        clock: POSIX seconds.
        transport: in place of the network, e.g. `httpx2.WSGITransport(app)`.
    """

    url: str
    broker_id: str
    key_id: str
    key: Callable[[], signing.SigningKey] = field(repr=False)
    clock: Clock = field(repr=False)
    transport: httpx2.BaseTransport | None = field(default=None, repr=False)
    random_bytes: Callable[[int], bytes] = field(default=os.urandom, repr=False)
    wait: Wait = field(default=time.sleep, repr=False)

    def __post_init__(self) -> None:
        self.url = require_address(self.url)
        # trust_env=False: a proxy or a key file of the environment has no say in where ciphertext goes.
        self._http = httpx2.Client(
            transport=self.transport, timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # ---- One request --------------------------------------------------------------------------------------------

    def send(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, int]] = (),
        body: bytes = b"",
        content_type: str = http_signatures.EMPTY_TYPE,
    ) -> httpx2.Response:
        """Send one request until it is answered.

        Raises:
            Unavailable: no answer after several tries.
            AmparoError: the broker's refusal, of the class of its code.
        """
        for attempt in range(TRIES):
            if attempt:
                self.wait(0.2 * 4**attempt)
            try:
                answer = self._http.send(self._request(method, path, query, body, content_type))
            except httpx2.TransportError:
                continue
            if answer.status_code < 300:
                return answer
            refusal = read_refusal(answer)
            if refusal.code not in REPEATED:
                raise refusal
        raise Unavailable("the broker cannot be reached; nothing is lost, it is tried again at the next sync")

    def _request(
        self, method: str, path: str, query: Sequence[tuple[str, int]], body: bytes, content_type: str
    ) -> httpx2.Request:
        now = self.clock()
        text = "&".join(f"{name}={value}" for name, value in query)
        authority = urlsplit(self.url).netloc
        parts = http_signatures.RequestParts(
            method, authority, path, text, http_signatures.content_digest(body), content_type, self.broker_id
        )
        parameters = http_signatures.SignatureParameters(
            now, now + LIFETIME_SECONDS, self.random_bytes(http_signatures.NONCE_BYTES), self.key_id
        )
        headers = http_signatures.sign_request(self.key(), parts, parameters)
        target = self.url + path + (f"?{text}" if text else "")
        return self._http.build_request(method, target, content=body, headers=headers)

    def get_json(self, path: str, *query: tuple[str, int]) -> dict[str, Any]:
        """GET; the answer is a JSON object."""
        return _read_object(self.send("GET", path, query))

    def post_json(self, path: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """POST a JSON object; the answer is one too."""
        body = json.dumps(value, separators=(",", ":")).encode()
        return _read_object(self.send("POST", path, (), body, JSON))

    # ---- Calls --------------------------------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Who the broker is, its log, keys of the day, limits."""
        return self.get_json("/v1/broker")

    def post_statement(self, statement: bytes) -> dict[str, Any]:
        """Put a directory statement into the log: {index, proof}."""
        return self.post_json("/v1/directory", {"statement": b64u(statement)})

    def directory(self, after: int = -1) -> Iterator[tuple[int, bytes]]:
        """(index, statement) of every directory entry behind an index."""
        position: int | None = after
        while position is not None:
            page = self.get_json("/v1/directory", *([("after", position)] if position >= 0 else []))
            for one in _list(page, "entries"):
                yield _integer(one, "index"), unb64u(one.get("statement"))
            position = _next(page, position)

    def deposit(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Deposit a bundle without its parts: {index, proof, register_index}."""
        return self.post_json("/v1/bundles", value)

    def parts(self, bundle_id: bytes) -> tuple[set[int], bool]:
        """Which parts the broker has, and whether the bundle is complete."""
        found = self.get_json(f"/v1/bundles/{b64u(bundle_id)}/parts")
        have = _list(found, "have")
        if any(not isinstance(one, int) for one in have):
            raise FormatError("the broker's answer has another form")
        return set(have), found.get("complete") is True

    def put_part(self, bundle_id: bytes, number: int, data: bytes) -> None:
        """Send one part."""
        path = f"/v1/bundles/{b64u(bundle_id)}/parts/{number}"
        self.send("PUT", path, (), data, http_signatures.EMPTY_TYPE)

    def get_part(self, bundle_id: bytes, number: int) -> bytes:
        """Fetch one part."""
        data = self.send("GET", f"/v1/bundles/{b64u(bundle_id)}/parts/{number}").content
        if len(data) > LARGEST_OCTETS_BYTES:
            raise FormatError("the broker's answer is too large")
        return data

    def bundle(self, bundle_id: bytes) -> dict[str, Any]:
        """Header, signature, cover, state, addenda."""
        return self.get_json(f"/v1/bundles/{b64u(bundle_id)}")

    def bundle_events(self, bundle_id: bytes, after: int = -1) -> Iterator[dict[str, Any]]:
        """Logged events on a bundle, in order of the log."""
        position: int | None = after
        path = f"/v1/bundles/{b64u(bundle_id)}/events"
        while position is not None:
            page = self.get_json(path, *([("after", position)] if position >= 0 else []))
            yield from _list(page, "events")
            position = _next(page, position)

    def handle_events(self, handle: bytes, after: int = -1) -> Iterator[dict[str, Any]]:
        """Logged events on a handle, in order of the log."""
        position: int | None = after
        path = f"/v1/handles/{b64u(handle)}/events"
        while position is not None:
            page = self.get_json(path, *([("after", position)] if position >= 0 else []))
            yield from _list(page, "events")
            position = _next(page, position)

    def release(self, bundle_id: bytes, event: Mapping[str, Any]) -> dict[str, Any]:
        """Log a request and get the halves: {index, proof, releases}."""
        return self.post_json(f"/v1/bundles/{b64u(bundle_id)}/release", event)

    def post_register(self, bundle_id: bytes, version: Mapping[str, Any]) -> dict[str, Any]:
        """Add a version of the flag register: {index, proof}."""
        return self.post_json(f"/v1/bundles/{b64u(bundle_id)}/register", version)

    def register(self, bundle_id: bytes, version: int | None = None) -> dict[str, Any]:
        """The newest version of the flag register, or one by number."""
        query = [] if version is None else [("version", version)]
        return self.get_json(f"/v1/bundles/{b64u(bundle_id)}/register", *query)

    def post_events(self, values: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Push events; one result for each."""
        return _list(self.post_json("/v1/events", {"events": list(values)}), "results", len(values))

    def post_entries(self, values: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Push bare entries; one result for each."""
        return _list(self.post_json("/v1/entries", {"entries": list(values)}), "results", len(values))

    def proof(self, index: int, witnesses: int = 0) -> bytes:
        """tlog-proof of an entry against the newest checkpoint (with at least so many witnesses)."""
        query = [("index", index), *([("witnesses", witnesses)] if witnesses else [])]
        return self.send("GET", "/v1/proof", query).content

    def mailbox(self, after: int, wait: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Items behind a cursor, and the next cursor."""
        query = [("after", after), *([("wait", wait)] if wait else [])]
        found = self.get_json("/v1/mailbox", *query)
        return _list(found, "items"), _integer(found, "next")

    def checkpoint(self) -> bytes:
        """The newest signed checkpoint with its cosignatures."""
        return self.send("GET", "/v1/log/checkpoint").content

    def tile(self, path: str) -> bytes:
        """A tile, or an entry bundle, by its path behind `tile/`."""
        return self.send("GET", f"/v1/log/tile/{path}").content

    def post_cosignatures(self, note: bytes) -> int:
        """Hand in this witness's lines; how many were taken."""
        return _integer(_read_object(self.send("POST", "/v1/log/cosignatures", (), note, TEXT)), "accepted")

    def recover(self, value: Mapping[str, Any]) -> int:
        """Give a restored broker what it lost; the size of its log now."""
        return _integer(self.post_json("/v1/recover", value), "size")


def read_refusal(answer: httpx2.Response) -> AmparoError:
    """The error behind an answer that is not a success."""
    try:
        found = json.loads(answer.content[:LARGEST_JSON_BYTES])
        code, message = found["code"], found["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Unavailable(f"the broker answered with status {answer.status_code}")
    if not isinstance(code, str) or not isinstance(message, str):
        return Unavailable(f"the broker answered with status {answer.status_code}")
    cls = error_class(code)
    if cls is AmparoError and answer.status_code == 404:
        return NotFound(message[:300])
    return cls(message[:300])


def _read_object(answer: httpx2.Response) -> dict[str, Any]:
    if len(answer.content) > LARGEST_JSON_BYTES:
        raise FormatError("the broker's answer is too large")
    try:
        found = json.loads(answer.content)
    except (ValueError, RecursionError) as error:
        raise FormatError("the broker's answer is not JSON") from error
    if not isinstance(found, dict):
        raise FormatError("the broker's answer has another form")
    return found


def _list(value: Mapping[str, Any], name: str, size: int | None = None) -> list[Any]:
    found = value.get(name)
    if not isinstance(found, list) or (size is not None and len(found) != size):
        raise FormatError("the broker's answer has another form")
    if name in ("entries", "events", "items", "results") and any(not isinstance(one, dict) for one in found):
        raise FormatError("the broker's answer has another form")
    return found


def _integer(value: Mapping[str, Any], name: str) -> int:
    found = value.get(name)
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < 2**53:
        raise FormatError("the broker's answer has another form")
    return found


def _next(page: Mapping[str, Any], position: int) -> int | None:
    following = page.get("next")
    if following is None:
        return None
    if not isinstance(following, int) or following <= position:
        raise FormatError("the broker's answer goes in a circle")
    return following


def text_of(value: Mapping[str, Any], name: str) -> str:
    """A text member of an answer."""
    found = value.get(name)
    if not isinstance(found, str):
        raise FormatError("the broker's answer has another form")
    return found


def integer_of(value: Mapping[str, Any], name: str) -> int:
    """An integer member of an answer, not negative."""
    return _integer(value, name)
