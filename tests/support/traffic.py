"""Bundles between the desks of a field, and somebody between a desk and its broker who alters what passes."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from agencies.cases import create_case
from agencies.members import OfficerSession
from crypto.sealing import Source
from exchange import delivery, opening, reading
from exchange.composition import Composition
from exchange.cover import Entitled
from exchange.delivery import bytes_source
from exchange.office import Office
from exchange.opened import Opened
from tests.support.field import DeskAt, now

PURPOSE = "prosecution"
BASIS = "CCP 12"


def form(**more: Any) -> dict[str, Any]:
    """Members of a form that name nobody."""
    return {
        "case": "R-1",
        "text": "two photographs",
        "persons": [],
        "exhibits": [],
        "custody": [],
        "consents": [],
        **more,
    }


def flag(instruction: str = "no-contact", pseudonym: str = "P-1") -> dict[str, Any]:
    """Members of a protection flag."""
    return {
        "pseudonym": pseudonym, "flag": "at risk", "concerns": ["XA"], "instruction": instruction, "from": "2026-01-01",
        "until": None,
    }  # fmt: skip


_cases: dict[tuple[str, str], bytes] = {}


def case_of(desk: DeskAt, officer: OfficerSession) -> bytes:
    """A case of the desk with this officer on its team; one for each."""
    place = (str(desk.folder), officer.handle)
    if place not in _cases:
        with desk.office.files.session() as db:
            _cases[place] = create_case(db, officer, f"NP-2031-{len(_cases) + 1}", {"v": 1}, now=now()).case_id
    return _cases[place]


@dataclass
class Parcel:
    """A composition, its files, and who makes and gets it."""

    sender: DeskAt
    officer: OfficerSession
    made: Composition
    sources: tuple[Source, ...]
    data: tuple[bytes, ...]

    def seal(self, **more: Any) -> bytes:
        """Sealed, not sent."""
        return delivery.seal(self.sender.office, self.officer, self.made, self.sources, now=now(), **more)

    def send(self, *to: DeskAt, **more: Any) -> bytes:
        """Sealed, sent, and fetched by the desks named."""
        bundle_id = self.seal(**more)
        delivery.send(self.sender.office, bundle_id, now=now())
        for desk in to:
            desk.sync()
        return bundle_id


def parcel(
    sender: DeskAt,
    officer: str,
    to: DeskAt,
    officers: Sequence[str],
    data: Sequence[bytes] = (b"evidence",),
    **more: Any,
) -> Parcel:
    """A share of some small files for officers of one agency; further members of the composition in `more`."""
    maker = sender.officer(officer)
    sources = tuple(bytes_source(raw, "image/png", os.urandom(16), os.urandom(16)) for raw in data)
    values: dict[str, Any] = {
        "kind": "share",
        "case_id": case_of(sender, maker),
        "recipients": (Entitled(to.agency, tuple(to.handle(one) for one in officers)),),
        "own_officers": (maker.handle,),
        "purposes": (PURPOSE, "protection"),
        "legal_basis": BASIS,
        "expires": "2027-12",
        "form": form(),
        "files": tuple(one.file_id for one in sources),
    }
    return Parcel(sender, maker, Composition(**(values | more)), sources, tuple(data))


def open_at(desk: DeskAt, officer: str, bundle_id: bytes, **more: Any) -> Opened:
    """Open alone, or with an approval, after reading the flags."""
    acting = desk.officer(officer)
    if "acknowledged" not in more:
        more["acknowledged"] = reading.preview(desk.office, acting, bundle_id, now=now()).register_digest
    values: dict[str, Any] = {"purpose": PURPOSE, "legal_basis": BASIS, "now": now(), **more}
    return opening.open_bundle(desk.office, acting, bundle_id, **values)


def ask_at(desk: DeskAt, officer: str, bundle_id: bytes, **more: Any) -> bytes:
    """Ask a colleague to open together."""
    values: dict[str, Any] = {"purpose": PURPOSE, "legal_basis": BASIS, "now": now(), **more}
    return opening.ask_approval(desk.office, desk.officer(officer), bundle_id, **values)


def record_of(desk: DeskAt, officer: str, bundle_id: bytes) -> list[reading.Act]:
    """The record of a bundle after a sync."""
    desk.sync()
    return reading.bundle_record(desk.office, desk.officer(officer), bundle_id)


# ---- Between a desk and its broker ------------------------------------------------------------------------------

Change = Callable[[httpx2.Request, Callable[[], httpx2.Response]], httpx2.Response]


class Between(httpx2.BaseTransport):
    """Passes requests on to the real broker; `change` sees each, and says what comes back."""

    def __init__(self, change: Change) -> None:
        self._change, self._real = change, httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        def ask() -> httpx2.Response:
            answer = self._real.handle_request(request)
            answer.read()
            return answer

        return self._change(request, ask)


@contextmanager
def between(office: Office, change: Change) -> Iterator[None]:
    """Somebody who can alter, drop and answer what passes, as a dishonest broker can."""
    client = office.client
    real, wait = client._http, client.wait
    client._http = httpx2.Client(transport=Between(change), timeout=30, trust_env=False)
    client.wait = lambda seconds: None
    try:
        yield
    finally:
        client._http.close()
        client._http, client.wait = real, wait


def altered_json(method: str, ending: str, alter: Callable[[dict[str, Any]], Any]) -> Change:
    """Alter the JSON answer of the calls with this method and end of the path."""

    def change(request: httpx2.Request, ask: Callable[[], httpx2.Response]) -> httpx2.Response:
        answer = ask()
        if request.method != method or not request.url.path.endswith(ending) or answer.status_code >= 300:
            return answer
        value = json.loads(answer.content)
        alter(value)
        return httpx2.Response(answer.status_code, json=value)

    return change


def altered_octets(ending: str, alter: Callable[[bytearray], Any]) -> Change:
    """Alter the octets that a GET of this path brings."""

    def change(request: httpx2.Request, ask: Callable[[], httpx2.Response]) -> httpx2.Response:
        answer = ask()
        if request.method != "GET" or not request.url.path.endswith(ending) or answer.status_code >= 300:
            return answer
        data = bytearray(answer.content)
        alter(data)
        return httpx2.Response(answer.status_code, content=bytes(data))

    return change


def dropped(method: str, ending: str, *, before: bool, times: int = 1000) -> Change:
    """Lose so many calls: before they reach the broker, or their answers."""
    left = [times]

    def change(request: httpx2.Request, ask: Callable[[], httpx2.Response]) -> httpx2.Response:
        if request.method != method or not request.url.path.endswith(ending) or left[0] == 0:
            return ask()
        left[0] -= 1
        if not before:
            ask()
        raise httpx2.ConnectError("the connection was lost")

    return change
