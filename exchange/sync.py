"""One round of a desk with its broker: send what waits, follow the log, fetch what came, check, cosign.

It needs nobody to be signed in. Every step is repeatable, and a step that fails leaves the others' work in place.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select

from crypto.encoding import b64u, parse_json, unb64u
from crypto.header import parse_header
from crypto.statements import parse_statement
from custody import outbox
from custody.models import OwnEvent
from errors import AmparoError, LogForked, NotFound, Unavailable
from exchange import arrivals, ciphertext, follow, orders, purges, recovering, restoring
from exchange.models import Alarm, StoredBundle
from exchange.office import Office, raise_alarm

MOST_EVENTS: Final = 64
MOST_ENTRIES: Final = 256
FETCHED_AT_ONCE_BYTES: Final = 64 * 2**20
# The broker may take these later; the event keeps waiting. Every other refusal is for good.
LATER: Final = frozenset({"unavailable", "recovering", "lease-lost", "storage-full", "quota-exceeded", "error"})


@dataclass
class SyncReport:
    """What one round did. `problems` are codes of errors, by what they happened to."""

    size: int = 0
    sent: int = 0
    refused: int = 0
    bundles: list[bytes] = field(default_factory=list)
    registers: list[bytes] = field(default_factory=list)
    events: list[bytes] = field(default_factory=list)
    handles: list[bytes] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    lost: list[bytes] = field(default_factory=list)
    purged: int = 0
    cosigned: bool = False
    problems: dict[str, str] = field(default_factory=dict)


def sync(office: Office, *, now: int, wait: int = 0) -> SyncReport:
    """One round.

    Args:
        now: POSIX seconds.
        wait: seconds that the broker may wait for news.

    Raises:
        LogForked: the log was rolled back or forked; the desk has stopped.
        Unavailable: the broker cannot be reached.
    """
    report = SyncReport()
    if recovering.help_recover(office, now=now):
        report.problems["broker"] = recovering.RECOVERING
        return report
    is_restored = restoring.begin(office)
    report.sent, report.refused = push_outbox(office, now=now)
    follow.follow_log(office, now=now)
    report.lost = recovering.resend(office, now=now)
    read_mailbox(office, report, now=now, wait=wait)
    report.size = follow.follow_log(office, now=now).size
    if is_restored:
        _catch_up(office, now)
    report.purged = purges.carry_out(office)
    missing = follow.check_own_entries(office, now=now)
    if missing:
        report.problems["own entries"] = "own-entry-missing"
    for bundle_id in _watched(office):
        report.withheld += arrivals.check_tags(office, bundle_id, now=now)
    report.cosigned = follow.cosign(office, now=now) > 0
    return report


def _catch_up(office: Office, now: int) -> None:
    """After a restore: what this agency itself did since, of which its mailbox does not tell."""
    for bundle_id in restoring.bundles_here(office):
        with suppress(NotFound):
            arrivals.take_events(office, bundle_id, now=now)
    for handle in restoring.handles_in_log(office):
        with suppress(NotFound):
            orders.take_handle_events(office, handle, now=now)
    restoring.finish(office)


def _watched(office: Office) -> list[bytes]:
    with office.files.session() as db:
        query = select(StoredBundle.bundle_id).where(
            StoredBundle.tag_key.is_not(None), StoredBundle.log_index.is_not(None)
        )
        return list(db.scalars(query))


# ---- Outbox -----------------------------------------------------------------------------------------------------


def push_outbox(office: Office, *, now: int) -> tuple[int, int]:
    """Send the events that wait; how many the log took, and how many were refused."""
    sent, refused = _settle_requests(office, now)
    for for_broker, most in ((True, MOST_EVENTS), (False, MOST_ENTRIES)):
        while True:
            with office.files.session() as db:
                office.require_running(db)
                waiting = outbox.waiting_events(db, for_broker=for_broker, most=most)
            if not waiting:
                break
            results = _post(office, waiting, for_broker)
            taken, turned_down = _settle(office, waiting, results, now)
            sent, refused = sent + taken, refused + turned_down
            if taken + turned_down < len(waiting):
                break  # the rest has to wait
    return sent, refused


def _post(office: Office, waiting: Sequence[OwnEvent], for_broker: bool) -> list[dict[str, Any]]:
    if for_broker:
        return office.client.post_events([event_value(one) for one in waiting])
    return office.client.post_entries(
        [
            {"entry": b64u(one.entry), "officer": one.officer, "signature": b64u(one.append_signature or b"")}
            for one in waiting
        ]
    )


def event_value(event: OwnEvent) -> dict[str, Any]:
    """An event as it is sent."""
    box = event.details_box
    return {
        "statement": b64u(event.statement),
        "salt": b64u(event.salt),
        "details_box": None if box is None else b64u(box),
    }


def _settle(office: Office, waiting: Sequence[OwnEvent], results: list[dict[str, Any]], now: int) -> tuple[int, int]:
    taken = turned_down = 0
    with office.files.session() as db:
        for event, result in zip(waiting, results, strict=True):
            index, code = result.get("index"), result.get("code")
            if isinstance(index, int) and not isinstance(index, bool):
                outbox.mark_logged(db, event.position, index)
                taken += 1
            elif isinstance(code, str) and code not in LATER:
                outbox.mark_refused(db, event.position, code)
                kind, evidence = _refused(event, code)
                raise_alarm(db, "event-refused", f"{kind} {event.position}", evidence, now=now)
                turned_down += 1
    return taken, turned_down


def _refused(event: OwnEvent, code: str) -> tuple[str, dict[str, Any]]:
    """Kind of a refused event, and what was sent of it; what stands in a custody event opens for an officer alone."""
    if event.clear_statement is None:
        signature = b64u(event.append_signature or b"")
        return "custody", {"code": code, "entry": b64u(event.entry), "officer": event.officer, "signature": signature}
    kind = str(parse_statement(event.clear_statement).value.get("kind"))
    return kind, {"code": code, "statement": b64u(event.clear_statement)}


def _settle_requests(office: Office, now: int) -> tuple[int, int]:
    """Requests to open whose answer was lost: ask again, only to learn whether they stand in the log.

    The released half is sealed to a key that is gone, and is thrown away. The request stays in the record as one that
    was followed by neither `opened` nor `open-failed`.
    """
    with office.files.session() as db:
        asking = [one for one in outbox.asking_events(db) if one.log_index is not None or one.made_at < now - 60]
    taken = refused = 0
    for event in asking:
        try:
            answer = office.client.release(event.object_id, event_value(event))
        except Unavailable:
            continue
        except AmparoError as error:
            # Some requests are refused after they were logged: a hold came in between, or the half is lost.
            follow.follow_log(office, now=now)
            with office.files.session() as db:
                index = follow.find_entry(db, event.entry)
                if index is None:
                    outbox.mark_refused(db, event.position, error.code)
                else:
                    outbox.mark_logged(db, event.position, index)
            taken, refused = taken + (index is not None), refused + (index is None)
            continue
        with office.files.session() as db:
            outbox.mark_logged(db, event.position, int(answer["index"]))
        taken += 1
    return taken, refused


# ---- Mailbox ----------------------------------------------------------------------------------------------------


def read_mailbox(office: Office, report: SyncReport, *, now: int, wait: int = 0) -> None:
    """Fetch everything behind the cursor. An item that fails is noted and does not stop the others."""
    while True:
        with office.files.session() as db:
            cursor = office.require_running(db).mailbox_cursor
        items, following = office.client.mailbox(cursor, wait)
        if not items:
            return
        wait = 0
        follow.follow_log(office, now=now)
        for item in items:
            _take_item(office, report, item, now)
        with office.files.session() as db:
            office.log(db).mailbox_cursor = max(cursor, following)
        if following <= cursor:
            return


def _take_item(office: Office, report: SyncReport, item: dict[str, Any], now: int) -> None:
    kind = item.get("kind")
    bundle_id = None if item.get("bundle_id") is None else unb64u(item["bundle_id"], 16)
    handle = None if item.get("handle") is None else unb64u(item["handle"], 32)
    name = f"{kind} {(bundle_id or handle or b'').hex()}"
    try:
        if handle is not None:
            orders.take_handle_events(office, handle, now=now)
            _add(report.handles, handle)
        if bundle_id is not None and (kind != "handle" or _is_here(office, bundle_id)):
            _take_bundle_item(office, report, str(kind), bundle_id, now)
    except (LogForked, Unavailable):
        raise
    except AmparoError as error:
        report.problems[name] = error.code
        with office.files.session() as db:
            raise_alarm(db, "refused-" + error.code, name, {"message": error.message}, now=now)


def _take_bundle_item(office: Office, report: SyncReport, kind: str, bundle_id: bytes, now: int) -> None:
    if kind == "bundle":
        if arrivals.take_bundle(office, bundle_id, now=now):
            _add(report.bundles, bundle_id)
            _fetch_small(office, bundle_id)
        return
    if not _is_here(office, bundle_id):
        arrivals.take_bundle(office, bundle_id, now=now)
    if kind == "register":
        arrivals.take_register(office, bundle_id, now=now)
        _add(report.registers, bundle_id)
    elif kind in ("event", "half-lost"):
        arrivals.take_events(office, bundle_id, now=now)
        _add(report.events, bundle_id)
    if kind in ("handle", "half-lost"):
        arrivals.refresh_state(office, bundle_id)


def _fetch_small(office: Office, bundle_id: bytes) -> None:
    with office.files.session() as db:
        header = parse_header(arrivals.get_stored(db, bundle_id).header)
    if header.payload_bytes <= FETCHED_AT_ONCE_BYTES:
        ciphertext.fetch_payload(office, bundle_id)


def _is_here(office: Office, bundle_id: bytes) -> bool:
    with office.files.session() as db:
        return db.get(StoredBundle, bundle_id) is not None


def _add(found: list[bytes], name: bytes) -> None:
    if name not in found:
        found.append(name)


def export_alarm(office: Office, alarm_id: int) -> dict[str, Any]:
    """The proof behind an alarm, for somebody else to check."""
    with office.files.session() as db:
        row = db.get(Alarm, alarm_id)
        found = {} if row is None else parse_json(row.evidence, max_bytes=2**22)
    return found if isinstance(found, dict) else {}
