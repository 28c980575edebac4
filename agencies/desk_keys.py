"""The desk's own keys: they sign requests to the broker and cosign checkpoints while nobody is signed in.

They sign no event and open nothing (docs/protocol.md 2). At rest they stand in `desk.keys`, sealed under the bytes of
`desk.key`. The two files are apart so that a copy of the one, in a backup or on a share, is of no use; whoever takes
the whole disk has both, and the agency's root then certifies a new desk key.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from agencies import directory_entries
from crypto import boxes, keyring, labels, signing
from crypto.buffers import overwrite_bytes
from crypto.encoding import fields
from crypto.statements import Statement
from errors import Conflict, DecryptionFailed, FormatError, KeyUnusable, NotFound

KEY_FILE: Final = "desk.key"
SEALED_FILE: Final = "desk.keys"
_SEEDS: Final = ("http", "witness", "witness-mldsa")
_SIZE: Final = signing.SEED_BYTES * len(_SEEDS)

Random = Callable[[int], bytes]


class DeskKeys:
    """The desk's signing key for HTTP, and its two witness keys. Nothing of it is printed."""

    def __init__(self, agency: str, seeds: keyring.Secret) -> None:
        self.agency = agency
        self._seeds = seeds
        self.public_key = self.http_key.public_key
        self.witness_key = self.witness.public_key
        self.witness_mldsa_key = self.witness_mldsa.public_key

    def __repr__(self) -> str:
        return f"DeskKeys({self.agency})"

    @classmethod
    def create(
        cls, folder: Path, agency: str, *, key_file: Path | None = None, random_bytes: Random = os.urandom
    ) -> "DeskKeys":
        """Make the keys and their two files, readable by this user alone.

        Raises:
            Conflict: this desk has its keys already.
        """
        sealed_file, key_file = folder / SEALED_FILE, key_file or folder / KEY_FILE
        if sealed_file.exists() or key_file.exists():
            raise Conflict("this desk has its keys already")
        seeds, key = bytearray(random_bytes(_SIZE)), random_bytes(boxes.KEY_BYTES)
        _write(key_file, key)
        _write(sealed_file, boxes.seal_box(key, fields(labels.DESK_KEYS, agency), bytes(seeds), random_bytes))
        overwrite_bytes(key)
        return cls(agency, keyring.Secret(seeds))

    @classmethod
    def open(cls, folder: Path, agency: str, *, key_file: Path | None = None) -> "DeskKeys":
        """Read the keys.

        Raises:
            NotFound: a file is missing.
            KeyUnusable: the two files do not belong together, or to this agency.
        """
        try:
            key = (key_file or folder / KEY_FILE).read_bytes()
            sealed = (folder / SEALED_FILE).read_bytes()
        except OSError as error:
            raise NotFound("the desk's key file is missing or cannot be read") from error
        try:
            seeds = boxes.open_box(key, fields(labels.DESK_KEYS, agency), sealed)
        except (DecryptionFailed, FormatError) as error:
            raise KeyUnusable("the desk's two key files do not belong together") from error
        if len(seeds) != _SIZE:
            raise KeyUnusable("the desk's keys have another form")
        return cls(agency, keyring.Secret(seeds))

    @property
    def key_id(self) -> str:
        """The desk as a signer: `desk/<agency>`."""
        return f"desk/{self.agency}"

    @property
    def http_key(self) -> signing.SigningKey:
        """Signs requests to the broker, for one operation; do not keep it."""
        return signing.SigningKey(self._seed("http"))

    @property
    def witness(self) -> signing.SigningKey:
        """Cosigns checkpoints (Ed25519)."""
        return signing.SigningKey(self._seed("witness"))

    @property
    def witness_mldsa(self) -> signing.MLDSAKey:
        """Cosigns checkpoints (ML-DSA-44)."""
        return signing.MLDSAKey(self._seed("witness-mldsa"))

    def body(self, origin: str, valid_from: str, until: str | None = None) -> dict[str, Any]:
        """Body of the desk's certificate; the desk and the agency's root sign it."""
        return directory_entries.certificate_body(
            origin, self.key_id, self.agency, "desk", (),
            signing_key=self.public_key, witness_key=self.witness_key, witness_mldsa_key=self.witness_mldsa_key,
            valid_from=valid_from, until=until,
        )  # fmt: skip

    def prove_possession(self, statement: Statement) -> Statement:
        """The desk's own signature under the certificate that names its key, and under nothing else.

        Raises:
            KeyUnusable: the statement is not this desk's certificate.
        """
        value = statement.value
        if value.get("kind") != "certificate" or value.get("subject") != self.key_id:
            raise KeyUnusable("the desk's key signs no directory entry but its own certificate")
        return statement.signed_by(labels.DIRECTORY, self.key_id, self.http_key)

    def close(self) -> None:
        """Overwrite the keys."""
        self._seeds.wipe()

    def _seed(self, name: str) -> bytearray:
        start = _SEEDS.index(name) * signing.SEED_BYTES
        return self._seeds.value[start : start + signing.SEED_BYTES]


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
