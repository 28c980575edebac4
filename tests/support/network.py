"""A small network for tests of the broker: agencies with real keys, and a client that signs its requests.

Everything that is sent is made by the product's own code below the web; nothing is imitated.
"""

import dataclasses
import os
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2

from agencies.directory_entries import (
    admission_body,
    agency_value,
    certificate_body,
    founding_body,
    revocation_body,
    unsigned,
)
from crypto import header as headers
from crypto import http_signatures as http
from crypto import hybrid, labels, sealing, signing
from crypto.digests import sha256
from crypto.encoding import b64u, unb64u
from crypto.header import Half, Header
from crypto.statements import Statement, make_statement
from custody import checkpoint as checkpoints
from custody import entries, events, handles, proofs
from custody.register import Version, sign_version

ROLES = ("liaison", "prosecutor")


def new_key() -> signing.SigningKey:
    """A fresh Ed25519 key."""
    return signing.SigningKey(os.urandom(32))


@dataclass
class Officer:
    """A person of an agency."""

    handle: str
    signing: signing.SigningKey
    receiving: hybrid.ReceivingKey


@dataclass
class TestAgency:
    """An agency with all its keys."""

    __test__ = False

    name: str
    kind: str = "police"
    root: signing.SigningKey = field(default_factory=new_key)
    desk: signing.SigningKey = field(default_factory=new_key)
    witness: signing.SigningKey = field(default_factory=new_key)
    witness_mldsa: signing.MLDSAKey = field(default_factory=lambda: signing.MLDSAKey(os.urandom(32)))
    handle_secret: bytes = field(default_factory=lambda: os.urandom(32))
    officers: list[Officer] = field(default_factory=list)
    administrators: list[Officer] = field(default_factory=list)

    def add(self, role: str, number: int) -> Officer:
        """A new person, certified by nobody yet."""
        officer = Officer(f"{self.name}/{role}-{number}", new_key(), hybrid.ReceivingKey(hybrid.generate()))
        (self.administrators if role == "administrator" else self.officers).append(officer)
        return officer

    def value(self) -> dict[str, Any]:
        """The agency object of founding and admission."""
        return agency_value(self.name, "RO", self.kind, self.root.public_key)


@dataclass
class Client:
    """Signed HTTP calls of one desk."""

    http: httpx2.Client
    authority: str
    broker: str
    key_id: str
    key: signing.SigningKey

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        params: Mapping[str, Any] | None = None,
        kind: str | None = None,
        change: Any = None,
    ) -> httpx2.Response:
        """Send one request; `change` may alter it after it was signed (to attack the signature).

        `kind` is the content type of `content`.
        """
        headers = {"Content-Type": kind} if kind else None
        request = self.http.build_request(
            method, f"/v1{path}", json=json, content=content, params=params, headers=headers
        )
        body = request.read()
        url = request.url.raw_path.decode()
        signed_path, _, query = url.partition("?")
        parts = http.RequestParts(
            method,
            self.authority,
            signed_path,
            query,
            http.content_digest(body),
            request.headers.get("Content-Type", http.EMPTY_TYPE),
            self.broker,
        )
        now = int(time.time())
        parameters = http.SignatureParameters(now, now + 300, secrets.token_bytes(16), self.key_id)
        request.headers.update(http.sign_request(self.key, parts, parameters))
        if change is not None:
            request = change(request) or request
        return self.http.send(request)

    def get(self, path: str, **params: Any) -> Any:
        """GET that has to succeed."""
        return require_ok(self.call("GET", path, params=params or None))

    def post(self, path: str, json: Any) -> Any:
        """POST that has to succeed."""
        return require_ok(self.call("POST", path, json=json))

    def put(self, path: str, content: bytes) -> Any:
        """PUT that has to succeed."""
        return require_ok(self.call("PUT", path, content=content))


def require_ok(answer: httpx2.Response) -> Any:
    """The JSON, text or bytes of an answer that has to be 200."""
    assert answer.status_code == 200, (answer.status_code, answer.text[:500])
    kind = answer.headers["Content-Type"]
    if kind.startswith("application/json"):
        return answer.json()
    return answer.text if kind.startswith("text/") else answer.content


def require_refused(answer: httpx2.Response, status: int, code: str) -> str:
    """The message of an answer that has to be this refusal, in the one form of every error."""
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    found = answer.json()
    assert set(found) == {"code", "message", "detail"}
    assert found["code"] == code, found
    assert len(found["message"]) > 10
    return str(found["message"])


@dataclass
class Network:
    """Agencies at one broker."""

    base_url: str
    broker: str
    transport: httpx2.BaseTransport | None = None
    app: Any = None  # the broker itself, where it runs in this process
    agencies: dict[str, TestAgency] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    origin: str = ""
    log_keys: tuple[signing.NoteKey, ...] = ()
    _http: httpx2.Client | None = None

    @property
    def http(self) -> httpx2.Client:
        """One client for all."""
        if self._http is None:
            self._http = httpx2.Client(base_url=self.base_url, transport=self.transport, timeout=60, trust_env=False)
        return self._http

    def client(self, key_id: str, key: signing.SigningKey) -> Client:
        """A client that signs with this key."""
        return Client(self.http, urlsplit(self.base_url).netloc, self.broker, key_id, key)

    def learn(self, client: Client) -> None:
        """Read who the broker is."""
        said = client.get("/broker")
        self.origin = said["log"]
        self.log_keys = tuple(signing.parse_vkey(text) for text in said["log_vkeys"])

    # ---- directory

    def found(self, invite: Callable[[str], Client], names: Iterable[str]) -> None:
        """Found a network and certify every agency with two administrators, two officers and a desk."""
        names = list(names)
        invited = invite(names[0])
        self.learn(invited)
        made = [TestAgency(name) for name in names]
        body = founding_body(self.origin, "test-network", [agency.value() for agency in made])
        statement = unsigned(body)
        for agency in made:
            statement = statement.signed_by(labels.DIRECTORY, f"root/{agency.name}", agency.root)
        self.send(invited, statement)
        for agency in made:
            self.certify(invited if agency is made[0] else invite(agency.name), agency)

    def send(self, client: Client, statement: Statement) -> dict[str, Any]:
        """Put a directory statement into the log and check its proof."""
        data = statement.dump()
        answer: dict[str, Any] = client.post("/directory", {"statement": b64u(data)})
        self.check_proof(answer, entries.directory_entry(data))
        return answer

    def check_proof(self, answer: Mapping[str, Any], entry: bytes) -> checkpoints.SignedCheckpoint:
        """The proof in an answer leads from this entry to a checkpoint signed by the log."""
        proof = proofs.parse_proof(answer["proof"].encode())
        assert proof.index == answer["index"]
        return proofs.verify_proof(proof, entry, self.log_keys)

    def certify(self, client: Client, agency: TestAgency) -> None:
        """Administrators and desk by the root, officers by the administrators."""
        self.agencies[agency.name] = agency
        for number in (1, 2):
            person = agency.add("administrator", number)
            self.send(client, self.certificate(agency, person, "administrator"))
        for number in (1, 2):
            person = agency.add("liaison", number)
            self.send(client, self.certificate(agency, person, "officer"))
        self.send(client, self.desk_certificate(agency))
        self.clients[agency.name] = self.client(f"desk/{agency.name}", agency.desk)

    def certificate(self, agency: TestAgency, person: Officer, kind: str) -> Statement:
        """A certificate with all the signatures that it needs."""
        body = certificate_body(
            self.origin,
            person.handle,
            agency.name,
            kind,
            ["administrator"] if kind == "administrator" else ["liaison"],
            signing_key=person.signing.public_key,
            receiving_key=person.receiving.public_key,
            valid_from="2026-01-01",
            until="2028-01-01",
        )
        statement = unsigned(body).signed_by(labels.DIRECTORY, person.handle, person.signing)
        if kind == "administrator":
            return statement.signed_by(labels.DIRECTORY, f"root/{agency.name}", agency.root)
        for administrator in agency.administrators[:2]:
            statement = statement.signed_by(labels.DIRECTORY, administrator.handle, administrator.signing)
        return statement

    def desk_certificate(self, agency: TestAgency) -> Statement:
        """The desk's certificate."""
        subject = f"desk/{agency.name}"
        body = certificate_body(
            self.origin,
            subject,
            agency.name,
            "desk",
            [],
            signing_key=agency.desk.public_key,
            witness_key=agency.witness.public_key,
            witness_mldsa_key=agency.witness_mldsa.public_key,
            valid_from="2026-01-01",
            until="2028-01-01",
        )
        statement = unsigned(body).signed_by(labels.DIRECTORY, subject, agency.desk)
        return statement.signed_by(labels.DIRECTORY, f"root/{agency.name}", agency.root)

    def admission(self, new: TestAgency) -> Statement:
        """An admission by the roots and administrators that it needs."""
        statement = unsigned(admission_body(self.origin, new.value()))
        statement = statement.signed_by(labels.DIRECTORY, f"root/{new.name}", new.root)
        for agency in list(self.agencies.values())[:2]:
            for person in agency.administrators[:2]:
                statement = statement.signed_by(labels.DIRECTORY, person.handle, person.signing)
        return statement

    def revocation(self, agency: TestAgency, certificate: Any) -> Statement:
        """A revocation by two administrators."""
        statement = unsigned(revocation_body(self.origin, certificate))
        for person in agency.administrators[:2]:
            statement = statement.signed_by(labels.DIRECTORY, person.handle, person.signing)
        return statement

    # ---- bundles

    def draft(self, sender: str, recipients: Iterable[str], data: bytes = b"evidence", **options: Any) -> "Draft":
        """Seal a bundle; nothing is sent."""
        return Draft.seal(self, self.agencies[sender], sorted({sender, *recipients}), data, **options)

    def seen(self) -> checkpoints.Checkpoint:
        """The newest checkpoint, verified."""
        any_client = next(iter(self.clients.values()))
        note = any_client.get("/log/checkpoint").encode()
        return checkpoints.open_checkpoint(note, self.log_keys).checkpoint

    def cosign(self, name: str, when: int | None = None) -> dict[str, Any]:
        """One desk cosigns the newest checkpoint."""
        note = self.cosigned(name, when)
        answer: dict[str, Any] = require_ok(self.clients[name].call("POST", "/log/cosignatures", content=note))
        return answer

    def cosigned(self, name: str, when: int | None = None) -> bytes:
        """The newest checkpoint with the lines of one desk."""
        agency, client = self.agencies[name], self.clients[name]
        signed = checkpoints.open_checkpoint(client.get("/log/checkpoint").encode(), self.log_keys)
        moment = int(time.time()) if when is None else when
        key_name = f"desk/{name}"
        lines = [
            checkpoints.cosign_ed25519(key_name, agency.witness, signed.checkpoint, moment),
            checkpoints.cosign_mldsa(key_name, agency.witness_mldsa, signed.checkpoint, moment),
        ]
        return checkpoints.with_lines(signed, lines).dump()


@dataclass
class Draft:
    """A sealed bundle and what its sender knows."""

    network: Network
    sender: TestAgency
    header: Header
    secrets: sealing.BundleSecrets
    payload: bytes
    cover: bytes
    halves: list[bytes]
    register: Version
    numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def seal(
        cls,
        network: Network,
        sender: TestAgency,
        agencies: list[str],
        data: bytes,
        *,
        bundle_id: bytes | None = None,
        handle_list: tuple[bytes, ...] | None = None,
        expires: str = "2027-12",
        operator: str | None = None,
    ) -> "Draft":
        """Make every part of a bundle for these agencies."""
        officer = sender.officers[0]
        bundle_id = bundle_id or os.urandom(16)
        secret = sealing.new_secrets()
        source = sealing.Source(
            os.urandom(16), os.urandom(16), len(data), sha256(data), "application/octet-stream", bytes(32),
            lambda: [data],
        )  # fmt: skip
        manifest = sealing.make_manifest("share", [source], [], [])
        padded = sealing.padded_length([source], manifest)
        ctx = headers.make_ctx(
            bundle_id, network.origin, sender.name, officer.handle, officer.signing.public_key, 1, padded
        )
        sink = bytearray()
        payload = sealing.seal_payload(secret, ctx, [source], manifest, sink.extend)
        entitled = []
        for name in agencies:
            agency = network.agencies[name]
            key = secret.d if agency is sender else sealing.agency_key(secret.d, name)
            entitled += [
                sealing.StanzaFor(one.receiving.public_key, 1, at, secret.s, key)
                for at, one in enumerate(agency.officers, 1)
            ]
        stanzas = sealing.seal_stanzas(ctx, secret.r, entitled)
        cover = sealing.seal_cover(ctx, secret.r, b'{"v":1}')
        said = network.clients[sender.name].get("/broker")
        half = sealing.seal_half(unb64u(said["receiving_keys"][0]["receiving_key"]), ctx, 1, secret.halves[0])
        own = tuple(handles.own_handle(sender.handle_secret, bundle_id, place) for place in range(8))
        header = Header(
            bundle_id=bundle_id,
            log=network.origin,
            sender_agency=sender.name,
            sender=officer.handle,
            sender_key=officer.signing.public_key,
            padded_bytes=padded,
            agencies=tuple(agencies),
            stanzas=stanzas,
            c_s=headers.commit_s(bundle_id, secret.s),
            halves=(Half(operator or said["broker"], headers.commit_b(bundle_id, secret.halves[0]), sha256(half)),),
            c_r=headers.commit_r(bundle_id, secret.r),
            cover_digest=sha256(cover),
            payload_commitment=payload.payload_commitment,
            contents=payload.contents,
            root=payload.root,
            handles=handle_list or own,
            expires=expires,
        )
        register = sign_version(
            officer.signing, officer.handle, secret.r, bundle_id, header.digest(), None, [None] * 64
        )
        return cls(network, sender, header, secret, bytes(sink), cover, [half], register)

    @property
    def id(self) -> str:
        """As it stands in addresses."""
        return b64u(self.header.bundle_id)

    @property
    def client(self) -> Client:
        """The sender's."""
        return self.network.clients[self.sender.name]

    def event(
        self, kind: str, agency: str | None = None, officer: Officer | None = None, **more: Any
    ) -> tuple[Statement, bytes]:
        """A signed event on this bundle, and its salt."""
        acting = self.network.agencies[agency or self.sender.name]
        person = officer or acting.officers[0]
        number = more.pop("number", None)
        if number is None:
            number = self.numbers.get(acting.name, 0)
            self.numbers[acting.name] = number + 1
        tag = entries.tag_of(sealing.tag_key(self.secrets.r), acting.name, number)
        base = events.common(
            kind, self.network.origin, acting.name, person.handle, number, tag, int(time.time()),
            self.network.seen(),
        )  # fmt: skip
        body = events.on_bundle(base, self.header.bundle_id, self.header.digest(), **more)
        return (
            make_statement(body).signed_by(labels.EVENT_SIGNATURE, person.handle, person.signing),
            os.urandom(32),
        )

    def deposit_body(self) -> dict[str, Any]:
        """JSON of the deposit."""
        officer = self.sender.officers[0]
        data = self.header.dump()
        statement, salt = self.event("deposited", register_digest=b64u(self.register.digest))
        return {
            "header": b64u(data),
            "signature": b64u(headers.sign_header(officer.signing, data)),
            "halves": [b64u(half) for half in self.halves],
            "cover": b64u(self.cover),
            "register": self.register_body(self.register),
            "event": {"statement": b64u(statement.dump()), "salt": b64u(salt)},
        }

    def register_body(self, version: Version) -> dict[str, Any]:
        """JSON of a register version."""
        return {
            "version": version.version,
            "previous": b64u(version.previous),
            "box": b64u(version.box),
            "officer": version.officer,
            "signature": b64u(version.signature),
            "salt": b64u(os.urandom(32)),
            "tag": b64u(entries.tag_of(sealing.tag_key(self.secrets.r), "", version.version)),
        }

    def next_version(self, officer: Officer) -> Version:
        """The register rewritten unchanged."""
        return sign_version(
            officer.signing,
            officer.handle,
            self.secrets.r,
            self.header.bundle_id,
            self.header.digest(),
            self.register,
            [None] * 64,
        )

    def deposit(self) -> dict[str, Any]:
        """Deposit and upload."""
        answer: dict[str, Any] = self.client.post("/bundles", self.deposit_body())
        self.upload()
        return answer

    def upload(self) -> None:
        """Send every part."""
        for number, start in enumerate(range(0, len(self.payload), 2**23)):
            self.client.put(f"/bundles/{self.id}/parts/{number}", self.payload[start : start + 2**23])

    def request(
        self, agency: str, one_time: hybrid.ReceivingKey, officer: Officer | None = None, **more: Any
    ) -> tuple[dict[str, Any], Statement]:
        """JSON of a release request, and the statement in it."""
        salt, details = os.urandom(32), b'{"purpose":"prosecution"}'
        # The commitment stands outside of core, so core can be made of a body that has a placeholder there.
        fixed = {
            "commitment": b64u(events.details_commitment(salt, details)),
            "register_digest": b64u(self.register.digest),
            "broker": self.network.broker,
            "one_time_key": b64u(one_time.public_key),
            **more,
        }
        statement, event_salt = self.event("open-requested", agency, officer, **fixed)
        secret = self.secrets.d
        key = events.details_key(
            secret if agency == self.sender.name else sealing.agency_key(secret, agency),
            self.header.bundle_id,
        )
        box = events.seal_details(key, events.core_of(statement.value), salt, details)
        body = {
            "statement": b64u(statement.dump()),
            "salt": b64u(event_salt),
            "details_box": b64u(box),
        }
        return body, statement

    def open_release(self, answer: Mapping[str, Any], one_time: hybrid.ReceivingKey, statement: Statement) -> bytes:
        """B out of a release, checked against the header."""
        (release,) = answer["releases"]
        half = one_time.open(headers.release_info(statement.body), unb64u(release["box"]))
        headers.require_commitment(self.header.halves[0].c_b, headers.commit_b(self.header.bundle_id, half), "half")
        return half

    def handle_event(
        self, kind: str, officers: int, place: int = 0, *, number: int, agency: TestAgency | None = None
    ) -> dict[str, Any]:
        """JSON of a hold, a lifting or a destruction of one handle of the header."""
        maker = agency or self.sender
        key = handles.handle_key(maker.handle_secret, self.header.bundle_id, place)
        return handle_event(self.network, maker, key, kind, officers, number)

    def changed(self, **more: Any) -> "Draft":
        """The same draft with another header."""
        return dataclasses.replace(self, header=dataclasses.replace(self.header, **more), numbers={})


def handle_event(
    network: Network, maker: TestAgency, key: signing.SigningKey, kind: str, officers: int, number: int
) -> dict[str, Any]:
    """JSON of an event on a handle, signed by its key and so many officers of its maker."""
    handle = handles.handle_of(key.public_key)
    person = maker.officers[0]
    base = events.common(
        kind, network.origin, maker.name, person.handle, number, entries.handle_tag(handle), int(time.time()),
        network.seen(),
    )  # fmt: skip
    one_time = None if kind == "handle-lifted" else b64u(hybrid.ReceivingKey(hybrid.generate()).public_key)
    body = {**base, "handle": b64u(handle), "handle_key": b64u(key.public_key), "one_time_key": one_time}
    statement = make_statement(body).signed_by(labels.EVENT_SIGNATURE, "handle", key)
    for one in maker.officers[:officers]:
        statement = statement.signed_by(labels.EVENT_SIGNATURE, one.handle, one.signing)
    return {"statement": b64u(statement.dump()), "salt": b64u(os.urandom(32)), "details_box": None}
