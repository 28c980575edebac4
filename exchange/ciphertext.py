"""The ciphertext of bundles at this desk: fetched in parts, resumed where it stopped, read in any place."""

from collections.abc import Callable, Iterator
from typing import Final

from crypto.header import Header, parse_header
from errors import FormatError, NotFound
from exchange.arrivals import get_stored
from exchange.office import Office
from storage.blobs import FileWriter

PART_BYTES: Final = 8 * 2**20

Progress = Callable[[int, int], object]


def blob_key(bundle_id: bytes, number: int) -> str:
    """Where a part of the ciphertext lies at this desk."""
    return f"bundles/{bundle_id.hex()}/{number}"


def part_count(payload_bytes: int) -> int:
    """Number of parts of a ciphertext."""
    return -(-payload_bytes // PART_BYTES)


def fetch_payload(office: Office, bundle_id: bytes, progress: Progress = lambda done, count: None) -> int:
    """Fetch the parts that are missing here; how many were fetched. It may be interrupted and called again."""
    with office.files.session() as db:
        payload_bytes = parse_header(get_stored(db, bundle_id).header).payload_bytes
    count, fetched = part_count(payload_bytes), 0
    for number in range(count):
        wanted = min(PART_BYTES, payload_bytes - number * PART_BYTES)
        if not has_part(office, bundle_id, number, wanted):
            data = office.client.get_part(bundle_id, number)
            if len(data) != wanted:
                raise FormatError("the broker sent a part of another length")
            office.files.blobs.put(blob_key(bundle_id, number), data)
            fetched += 1
        progress(number + 1, count)
    return fetched


def has_part(office: Office, bundle_id: bytes, number: int, size_bytes: int) -> bool:
    """Whether a part lies at this desk whole."""
    try:
        return office.files.blobs.get_size(blob_key(bundle_id, number)) == size_bytes
    except NotFound:
        return False


def has_payload(office: Office, header: Header) -> bool:
    """Whether all of the ciphertext lies at this desk."""
    sizes = (
        min(PART_BYTES, header.payload_bytes - number * PART_BYTES)
        for number in range(part_count(header.payload_bytes))
    )
    return all(has_part(office, header.bundle_id, number, size) for number, size in enumerate(sizes))


def read_payload(office: Office, bundle_id: bytes, start: int, end: int) -> bytes:
    """Bytes start..end of the ciphertext."""
    found = []
    while start < end:
        number, offset = divmod(start, PART_BYTES)
        size = min(PART_BYTES - offset, end - start)
        piece = office.files.blobs.get_range(blob_key(bundle_id, number), offset, size)
        if len(piece) != size:
            raise FormatError("the stored ciphertext is cut off; fetch it again")
        found.append(piece)
        start += size
    return found[0] if len(found) == 1 else b"".join(found)


def stream_payload(office: Office, header: Header) -> Iterator[bytes]:
    """All of the ciphertext in pieces of 1 MiB."""
    for start in range(0, header.payload_bytes, 2**20):
        yield read_payload(office, header.bundle_id, start, min(start + 2**20, header.payload_bytes))


def drop_payload(office: Office, header: Header) -> None:
    """Remove the ciphertext from this desk."""
    for number in range(part_count(header.payload_bytes)):
        office.files.blobs.delete(blob_key(header.bundle_id, number))


class PartWriter:
    """Takes a ciphertext in order, in any pieces, and stores it part by part without holding a part in memory."""

    def __init__(self, office: Office, bundle_id: bytes) -> None:
        self._blobs, self._bundle_id = office.files.blobs, bundle_id
        self._number = self._filled = 0
        self._part: FileWriter | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """The next bytes."""
        view = memoryview(data)
        while len(view):
            if self._part is None:
                self._part = self._blobs.open_writer(blob_key(self._bundle_id, self._number))
            piece = view[: PART_BYTES - self._filled]
            self._part.write(piece)
            self._filled += len(piece)
            view = view[len(piece) :]
            if self._filled == PART_BYTES:
                self.close()

    def close(self) -> None:
        """Store what the last part has so far."""
        if self._part is not None:
            self._part.commit()
            self._part, self._filled = None, 0
            self._number += 1

    def undo(self) -> None:
        """Remove everything that was written."""
        if self._part is not None:
            self._part.abort()
        for number in range(self._number + 1):
            self._blobs.delete(blob_key(self._bundle_id, number))
