"""Every file that is made here, by its name."""

from collections.abc import Callable

from tests.vectors_made import custody as custody_books
from tests.vectors_made import directory as directories
from tests.vectors_made import documents as document_books
from tests.vectors_made import encoding as encodings
from tests.vectors_made import evidence_bag, evidence_list, evidence_zip, log_entries, log_notes, trust
from tests.vectors_made import handles as handle_books
from tests.vectors_made import http as requests
from tests.vectors_made import opening as opening_books
from tests.vectors_made import register as registers
from tests.vectors_made.book import Book


def log() -> Book:
    book = Book("log.json", "Entries of the log, tags, tiles, events on bundles (protocol.md 6.1 to 6.3).")
    log_entries.add(book)
    return book


def notes() -> Book:
    book = Book("notes.json", "Signed notes, checkpoints, cosignatures, proofs, trust files (protocol.md 6.2 and 11).")
    log_notes.add(book)
    trust.add(book)
    return book


def directory() -> Book:
    book = Book("directory.json", "The directory of a small network, fingerprints, shares on paper (protocol.md 2).")
    directories.add(book)
    return book


def register() -> Book:
    book = Book("register.json", "The flag register: entries, records, versions (protocol.md 5).")
    registers.add(book)
    return book


def handles() -> Book:
    book = Book("handles.json", "Handles, spares, orders on handles, purge receipts (protocol.md 6.3 and 7).")
    handle_books.add(book)
    return book


def evidence_pack() -> Book:
    book = Book("evidence_pack.json", "Parts of an evidence pack: zip, bag, list, signatures, proofs (protocol.md 10).")
    evidence_zip.add(book)
    evidence_bag.add(book)
    evidence_list.add(book)
    return book


def custody() -> Book:
    book = Book("custody.json", "Custody events and their signatures, chains of holdings (protocol.md 8).")
    custody_books.add(book)
    return book


def handovers() -> Book:
    book = Book("handovers.json", "Two holdings of one exhibit, their order in the log, the custodian (protocol.md 8).")
    custody_books.add_sides(book)
    return book


def opening() -> Book:
    book = Book("opening.json", "Padding, boxes, shares, stanzas, halves, details, releases (protocol.md 1, 3 and 4).")
    opening_books.add(book)
    return book


def encoding() -> Book:
    book = Book("encoding.json", "fields, canonical JSON, base64, names, Ed25519 as it is verified (protocol.md 1).")
    encodings.add(book)
    return book


def http() -> Book:
    book = Book("http.json", "Signed requests: Content-Digest, Signature-Input, signature base (protocol.md 9).")
    requests.add(book)
    return book


def documents() -> Book:
    book = Book("documents.json", "Header, addendum, cover, manifest, form, consent extract (protocol.md 3.2 to 3.5).")
    document_books.add(book)
    return book


BOOKS: dict[str, Callable[[], Book]] = {
    "encoding": encoding,
    "http": http,
    "log": log,
    "notes": notes,
    "directory": directory,
    "documents": documents,
    "opening": opening,
    "register": register,
    "handles": handles,
    "custody": custody,
    "handovers": handovers,
    "evidence_pack": evidence_pack,
}
