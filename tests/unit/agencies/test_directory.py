"""The directory: who is in, whose keys count at which place of the log, and what no honest desk takes."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from agencies import directory as d
from agencies import directory_entries
from crypto import hybrid, labels, signing
from crypto.encoding import b64u
from crypto.statements import Statement
from errors import AmparoError, Conflict, FormatError, NotFound, SignatureInvalid

ORIGIN = "log.example/amparo"
DAY = "2031-01-01"


class Network:
    """Keys of a log and of agencies, and the entries that they made."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.keys: dict[str, signing.SigningKey] = {}
        self.directory = d.Directory(ORIGIN)
        self.index = -1

    def key(self, name: str) -> signing.SigningKey:
        return self.keys.setdefault(name, signing.SigningKey(self.rng.randbytes(32)))

    def sign(self, body: dict[str, Any], *signers: str) -> Statement:
        statement = directory_entries.unsigned(body)
        for by in signers:
            statement = statement.signed_by(labels.DIRECTORY, by, self.key(by))
        return statement

    def add(self, body: dict[str, Any], *signers: str) -> int:
        self.directory.apply(self.index + 1, self.sign(body, *signers).dump())
        self.index += 1
        return self.index

    def begin(self) -> None:
        self.add(
            directory_entries.broker_body(ORIGIN, "broker-one", ["one"], self.key("log").public_key, bytes(1312)),
            "log",
        )

    def agency(self, name: str, kind: str = "police") -> dict[str, Any]:
        return directory_entries.agency_value(name, "XA", kind, self.key(f"root/{name}").public_key)

    def found(self, *names: str) -> None:
        body = directory_entries.founding_body(ORIGIN, "net", [self.agency(name) for name in names])
        self.add(body, *(f"root/{name}" for name in names))

    def certificate(self, subject: str, kind: str, roles: list[str]) -> dict[str, Any]:
        agency = subject.split("/")[1] if kind in ("desk", "recovery") else subject.split("/")[0]
        receiving = hybrid.ReceivingKey(hybrid.generate(self.rng.randbytes)).public_key
        return directory_entries.certificate_body(
            ORIGIN, subject, agency, kind, roles,
            signing_key=None if kind == "recovery" else self.key(subject).public_key,
            receiving_key=None if kind == "desk" else receiving,
            witness_key=self.key(f"witness/{agency}").public_key if kind == "desk" else None,
            witness_mldsa_key=bytes(1312) if kind == "desk" else None,
            valid_from=DAY,
        )  # fmt: skip

    def staff(self, name: str) -> None:
        for number in (1, 2):
            subject = f"{name}/administrator-{number}"
            self.add(self.certificate(subject, "administrator", ["administrator"]), subject, f"root/{name}")

    def admins(self, name: str) -> tuple[str, str]:
        return (f"{name}/administrator-1", f"{name}/administrator-2")


@pytest.fixture
def network(rng: random.Random) -> Network:
    made = Network(rng)
    made.begin()
    made.found("north", "south")
    for name in ("north", "south"):
        made.staff(name)
    return made


def refused(network: Network, kind: type[AmparoError], body: dict[str, Any], *signers: str) -> None:
    before = network.directory.last
    with pytest.raises(kind):
        network.add(body, *signers)
    assert network.directory.last == before, "a refused entry leaves no trace"


def test_an_agency_is_admitted_by_its_root_and_two_agencies(network: Network) -> None:
    body = directory_entries.admission_body(ORIGIN, network.agency("shelter", "ngo"))
    north, south = network.admins("north"), network.admins("south")
    refused(network, SignatureInvalid, body, *north, *south)
    refused(network, SignatureInvalid, body, "root/shelter", *north)
    refused(network, SignatureInvalid, body, "root/shelter", *north, south[0])
    refused(network, SignatureInvalid, body, "root/shelter", "log")
    network.add(body, "root/shelter", *north, *south)
    assert network.directory.agency("shelter").type == "ngo"
    refused(network, Conflict, body, "root/shelter", *north, *south)


def test_a_network_is_founded_once_by_all_its_roots(rng: random.Random) -> None:
    made = Network(rng)
    made.begin()
    body = directory_entries.founding_body(ORIGIN, "net", [made.agency("a"), made.agency("b")])
    refused(made, SignatureInvalid, body, "root/a")
    refused(made, SignatureInvalid, body, "root/a", "root/b", "log")
    refused(made, FormatError, directory_entries.founding_body(ORIGIN, "net", [made.agency("a")]), "root/a")
    made.add(body, "root/a", "root/b")
    refused(
        made,
        Conflict,
        directory_entries.founding_body(ORIGIN, "net", [made.agency("c"), made.agency("e")]),
        "root/c",
        "root/e",
    )


def test_officers_are_certified_by_two_administrators(network: Network) -> None:
    body = network.certificate("north/liaison-1", "officer", ["liaison"])
    one, two = network.admins("north")
    refused(network, SignatureInvalid, body, "north/liaison-1", one)
    refused(network, SignatureInvalid, body, one, two)
    refused(network, SignatureInvalid, body, "north/liaison-1", *network.admins("south"))
    refused(network, SignatureInvalid, body, "north/liaison-1", "root/north")
    # Not one more than needed, not even a third administrator: two readers could differ on what counts.
    for more in ("root/north", network.admins("south")[0]):
        refused(network, SignatureInvalid, body, "north/liaison-1", one, two, more)
    index = network.add(body, "north/liaison-1", one, two)
    assert network.directory.certificate("north/liaison-1").index == index
    refused(network, Conflict, body, "north/liaison-1", one, two)


def test_a_deputy_stands_in_for_the_second_administrator(network: Network) -> None:
    one, _ = network.admins("north")
    deputy = "south/administrator-1"
    body = network.certificate("north/liaison-1", "officer", ["liaison"])
    refused(network, SignatureInvalid, body, "north/liaison-1", one, deputy)
    refused(network, FormatError, directory_entries.deputy_body(ORIGIN, "north", one), "root/north")
    network.add(directory_entries.deputy_body(ORIGIN, "north", deputy), "root/north")
    network.add(body, "north/liaison-1", one, deputy)
    assert network.directory.deputy("north") == deputy
    assert network.directory.takes_two("north", ["north/liaison-1", deputy])
    assert not network.directory.takes_two("north", ["north/liaison-1", "south/administrator-2"])


def test_a_signature_counts_after_the_certificate_and_before_the_revocation(network: Network) -> None:
    """G3: clocks decide nothing, places in the log do."""
    one, two = network.admins("north")
    start = network.add(network.certificate("north/liaison-1", "officer", ["liaison"]), "north/liaison-1", one, two)
    found = network.directory.certificate("north/liaison-1")
    end = network.add(directory_entries.revocation_body(ORIGIN, found), one, two)
    key = network.key("north/liaison-1").public_key
    assert network.directory.signing_key("north/liaison-1", start) is None
    assert network.directory.signing_key("north/liaison-1", start + 1) == key
    assert network.directory.signing_key("north/liaison-1", end + 1) is None
    with pytest.raises(NotFound):
        network.directory.certificate("north/liaison-1")


def test_a_revocation_names_the_certificate_and_takes_two(network: Network) -> None:
    one, two = network.admins("north")
    network.add(network.certificate("north/liaison-1", "officer", ["liaison"]), "north/liaison-1", one, two)
    found = network.directory.certificate("north/liaison-1")
    body = directory_entries.revocation_body(ORIGIN, found)
    refused(network, SignatureInvalid, body, one)
    refused(network, SignatureInvalid, body, "root/north")
    refused(network, FormatError, {**body, "certificate": found.index - 1}, one, two)
    network.add(body, one, two)


def test_an_administrator_can_be_revoked_by_the_root(network: Network) -> None:
    found = network.directory.certificate("north/administrator-1")
    network.add(directory_entries.revocation_body(ORIGIN, found), "root/north")
    assert [one.subject for one in network.directory.administrators("north")] == ["north/administrator-2"]


def test_a_new_desk_key_replaces_the_old_one_at_once(network: Network) -> None:
    network.add(network.certificate("desk/north", "desk", []), "desk/north", "root/north")
    first = network.directory.desk("north")
    network.keys.pop("desk/north")
    network.add(network.certificate("desk/north", "desk", []), "desk/north", "root/north")
    assert network.directory.desk("north").signing_key != first.signing_key
    network.add(network.certificate("recovery/north", "recovery", []), "root/north")
    assert len(network.directory.recovery_key("north")) == 1216


@pytest.mark.parametrize(
    ("claim", "change"),
    [
        ("roles out of order", lambda body: {**body, "roles": ["supervisor", "liaison"]}),
        ("an unknown role", lambda body: {**body, "roles": ["king"]}),
        ("no role", lambda body: {**body, "roles": []}),
        ("a handle of another agency", lambda body: {**body, "subject": "south/liaison-1"}),
        ("a person's name as handle", lambda body: {**body, "subject": "north/Ana"}),
        ("no receiving key", lambda body: {**body, "receiving_key": None}),
        ("a weak signing key", lambda body: {**body, "signing_key": b64u(b"\x01" + bytes(31))}),
        ("an administrator's role by administrators", lambda body: {**body, "roles": ["administrator"]}),
        ("another log", lambda body: {**body, "log": "other.example"}),
        ("another version", lambda body: {**body, "v": 2}),
        ("one member more", lambda body: {**body, "note": "x"}),
        ("an unknown type", lambda body: {**body, "type": "guest"}),
    ],
)
def test_malformed_certificates_are_refused(
    network: Network, claim: str, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    one, two = network.admins("north")
    good = network.certificate("north/liaison-1", "officer", ["liaison"])
    refused(network, FormatError, change(good), "north/liaison-1", one, two)
    network.add(good, "north/liaison-1", one, two)


def test_entries_come_in_order_and_the_brokers_own_is_the_first(network: Network) -> None:
    body = directory_entries.broker_body(ORIGIN, "broker-two", ["two"], network.key("log").public_key, bytes(1312))
    refused(network, FormatError, body, "log")
    statement = network.sign(directory_entries.admission_body(ORIGIN, network.agency("x")), "root/x")
    with pytest.raises(Conflict):
        network.directory.apply(network.index, statement.dump())


def test_the_receiving_key_of_the_day_is_found(network: Network, rng: random.Random) -> None:
    keys = [hybrid.ReceivingKey(hybrid.generate(rng.randbytes)).public_key for _ in range(2)]
    for key, day, until in ((keys[0], "2031-01-01", "2031-01-03"), (keys[1], "2031-01-02", "2031-01-04")):
        network.add(directory_entries.receiving_key_body(ORIGIN, "one", key, day, until), "log")
    assert network.directory.receiving_key("one", "2031-01-01").key == keys[0]
    assert network.directory.receiving_key("one", "2031-01-02").key == keys[1]
    with pytest.raises(NotFound):
        network.directory.receiving_key("one", "2031-01-05")
    refused(network, FormatError, directory_entries.receiving_key_body(ORIGIN, "two", keys[0], DAY, DAY), "log")


def test_replaying_the_entries_gives_the_same_state(network: Network) -> None:
    again = Network(network.rng)
    again.keys = network.keys
    again.begin()
    again.found("north", "south")
    assert again.directory.agencies == network.directory.agencies


def test_a_deputy_counts_from_the_entry_that_names_it(network: Network) -> None:
    for name in ("north", "south"):
        network.add(network.certificate(f"{name}/liaison-1", "officer", ["liaison"]), f"{name}/liaison-1",
                    *network.admins(name))  # fmt: skip
    first = network.add(directory_entries.deputy_body(ORIGIN, "north", "south/liaison-1"), "root/north")
    second = network.add(directory_entries.deputy_body(ORIGIN, "north", "south/administrator-1"), "root/north")
    found = [network.directory.deputy("north", at) for at in (first, first + 1, second, second + 1, None)]
    assert found == [None, "south/liaison-1", "south/liaison-1", "south/administrator-1", "south/administrator-1"]


def test_administrators_are_not_the_second_officer_of_an_act_on_evidence(network: Network) -> None:
    for number in (1, 2):
        handle = f"north/liaison-{number}"
        network.add(network.certificate(handle, "officer", ["liaison"]), handle, *network.admins("north"))
    assert network.directory.takes_two("north", ["north/liaison-1", "north/liaison-2"])
    assert not network.directory.takes_two("north", ["north/liaison-1", "north/administrator-1"])
    assert not network.directory.takes_two("north", network.admins("north"))


@pytest.mark.parametrize("name", sorted(d.RESERVED))
def test_no_agency_is_named_like_a_kind_of_key(network: Network, name: str) -> None:
    """`root/liaison-3` would be an officer of the agency root, and the root of the agency liaison-3."""
    north, south = network.admins("north"), network.admins("south")
    refused(
        network,
        FormatError,
        directory_entries.admission_body(ORIGIN, network.agency(name)),
        f"root/{name}",
        *north,
        *south,
    )
    network.add(directory_entries.admission_body(ORIGIN, network.agency(name + "s")), f"root/{name}s", *north, *south)


STRANGE: list[Any] = [None, True, 0, -1, 2**53 - 1, "", "x" * 300, [], [[]], [None], {}, {"a": {}}, [{"a": 1}]]


@pytest.mark.parametrize("kind", ["founding", "admission", "certificate", "deputy", "revocation", "receiving-key"])
def test_members_of_any_type_are_refused_without_another_error(network: Network, kind: str) -> None:
    """Whatever stands in place of a member, what comes out is an error of ours; the unaltered body is taken."""
    one, two = network.admins("north")
    key = hybrid.ReceivingKey(hybrid.generate(network.rng.randbytes)).public_key
    good: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "founding": (
            directory_entries.founding_body(ORIGIN, "n", [network.agency("a"), network.agency("b")]),
            ("root/a", "root/b"),
        ),
        "admission": (
            directory_entries.admission_body(ORIGIN, network.agency("x")),
            ("root/x", one, two, *network.admins("south")),
        ),
        "certificate": (
            network.certificate("north/liaison-1", "officer", ["liaison"]), ("north/liaison-1", one, two),
        ),
        "deputy": (directory_entries.deputy_body(ORIGIN, "north", "south/administrator-1"), ("root/north",)),
        "revocation": (directory_entries.revocation_body(ORIGIN, network.directory.certificate(two)), ("root/north",)),
        "receiving-key": (directory_entries.receiving_key_body(ORIGIN, "one", key, DAY, DAY), ("log",)),
    }  # fmt: skip
    body, signers = good[kind]
    for member in body:
        for strange in STRANGE:
            if strange == body[member] or (member, strange) in (("until", None), ("v", True), ("index", True)):
                continue
            with pytest.raises(AmparoError):
                network.add({**body, member: strange}, *signers)
    if kind != "founding":
        network.add(body, *signers)


def test_a_version_that_is_merely_true_is_refused(network: Network) -> None:
    body = network.certificate("north/liaison-1", "officer", ["liaison"])
    refused(network, FormatError, {**body, "v": True}, "north/liaison-1", *network.admins("north"))
    network.add(body, "north/liaison-1", *network.admins("north"))


def test_a_copy_is_independent(network: Network) -> None:
    other = network.directory.copy()
    assert other == network.directory
    network.add(network.certificate("north/liaison-1", "officer", ["liaison"]), "north/liaison-1",
                *network.admins("north"))  # fmt: skip
    assert other.find_certificate("north/liaison-1") is None
    assert network.directory.find_certificate("north/liaison-1")
