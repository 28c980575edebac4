"""What a letter to an agency without a desk says: where the broker is, by which key its log is known, who writes."""

from dataclasses import dataclass

from agencies import comparison, setup
from crypto.digests import sha256
from crypto.signing import ED25519
from exchange.office import Office, log_keys


@dataclass(frozen=True, slots=True)
class Letter:
    """The facts of the letter. Nothing in it is secret; the invitation itself comes from the broker's operator.

    Attributes:
        log_key: the log's Ed25519 verifier key, short enough to be compared on paper.
        keys_digest: SHA-256, in hexadecimal, of all verifier keys of the log, a line each.
        fingerprint: of the writing agency's root, eight groups.
    """

    agency: str
    country: str
    kind: str
    network: str
    broker: str
    broker_url: str
    log: str
    log_key: str
    keys_digest: str
    fingerprint: tuple[str, ...]


def letter(office: Office) -> Letter:
    """The letter of this desk's agency.

    Raises:
        InstallationError, NotFound: the desk has joined no network yet.
    """
    with office.files.session() as db:
        state, identity, directory = office.log(db), setup.get_identity(db), office.directory(db)
        keys = log_keys(state)
        short = next(key for key in keys if key.kind == ED25519)
        lines = "".join(f"{key.vkey()}\n" for key in sorted(keys, key=lambda one: one.kind))
        return Letter(
            office.agency, identity.country, identity.type, directory.network, state.broker, office.client.url,
            state.origin, short.vkey(), sha256(lines.encode()).hex(),
            tuple(comparison.fingerprint_of(directory, office.agency).split(" ")),
        )  # fmt: skip
