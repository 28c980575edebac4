"""Holds, liftings and destructions of handles: what each takes, and what it does to a bundle (protocol.md 7)."""

from collections.abc import Callable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.batch import Answer, Appender, Payload
from broker.models import Bundle, Duty, HandleState
from broker.records import require_new_number, store_event, tell
from custody import events
from custody.handles import DESTROY_ALONE_AFTER_SECONDS
from errors import Conflict, NotFound, NotPermitted, ReleaseDestroyed


def integrate_handle(batch: Appender, payload: Payload, event: events.Event, handle: bytes) -> Answer:
    """A hold, lifting or destruction of a handle, or a receipt for one; number and signatures are as required."""
    require_new_number(batch, handle, event)
    state = batch.session.get(HandleState, (batch.log_id, handle))
    if event.kind != "purge-receipt":
        _require_handle_change(batch, event, state)
    elif state is None:
        raise NotFound("nothing is known of this handle")
    (index,) = batch.append(payload["entry"])
    store_event(batch, payload, handle, index)
    if event.kind == "purge-receipt":
        if state is not None and state.agency:
            batch.tell(state.agency, "handle", index, bundle_id=state.bundle_id, handle=handle)
        return {"index": index}
    if state is None:
        # A spare that stands in no header yet: held or destroyed before it is used, it forbids every use.
        state = HandleState(log_id=batch.log_id, handle=handle)
        batch.session.add(state)
    change_handle(batch, state, event.kind, event.agency, index)
    return {"index": index}


def _require_handle_change(batch: Appender, event: events.Event, state: HandleState | None) -> None:
    now = "active" if state is None else state.state
    officers = [by for by in event.statement.signers if by != "handle"]
    has_two = batch.directory.takes_two(event.agency, officers, batch.next_index)
    if now == "destroyed":
        raise ReleaseDestroyed("this handle was destroyed before")
    if event.kind == "handle-held" and now == "held":
        raise Conflict("this handle is held already")
    if event.kind == "handle-lifted" and (now != "held" or state is None or state.agency != event.agency):
        raise Conflict("only the agency that holds this handle lifts the hold")
    if event.kind == "handle-lifted" and not has_two:
        raise NotPermitted("lifting a hold takes two officers")
    if event.kind == "handle-destroyed" and not has_two and not _is_old(batch, event, state):
        raise NotPermitted("destroying takes two officers, or a hold that is 14 days old")


def _is_old(batch: Appender, event: events.Event, state: HandleState | None) -> bool:
    if state is None or state.held_index is None or state.agency != event.agency:
        return False
    return batch.age_of(state.held_index) >= DESTROY_ALONE_AFTER_SECONDS


def restore_handle(batch: Appender, event: events.Event, handle: bytes, index: int) -> None:
    """Carry out again what the log ordered and a restored broker had forgotten; never undoes anything newer."""
    state = batch.session.get(HandleState, (batch.log_id, handle))
    if state is None:
        state = HandleState(log_id=batch.log_id, handle=handle, state="active")
        batch.session.add(state)
    is_newest = state.held_index is None or index >= state.held_index
    if state.state == "destroyed" or not is_newest:
        return
    has_two = batch.directory.takes_two(event.agency, event.statement.signers, index)
    if event.kind == "handle-held" or has_two or (event.kind == "handle-destroyed" and _is_old(batch, event, state)):
        change_handle(batch, state, event.kind, event.agency, index)


def change_handle(batch: Appender, state: HandleState, kind: str, agency: str, index: int) -> None:
    """Carry a hold, its lifting or a destruction over to the bundle, to the duties of the halves' store, to mail."""
    state.state = {"handle-held": "held", "handle-lifted": "active", "handle-destroyed": "destroyed"}[kind]
    state.held_index = {"handle-held": index, "handle-lifted": None}.get(kind, state.held_index)
    state.agency = None if kind == "handle-lifted" else agency
    batch.session.flush()
    if state.bundle_id is None:
        return
    bundle = batch.session.get_one(Bundle, (batch.log_id, state.bundle_id))
    query = select(HandleState.state).where(
        HandleState.log_id == batch.log_id, HandleState.bundle_id == bundle.bundle_id
    )
    wanted = _worst(list(batch.session.scalars(query)))
    if bundle.state in ("active", "held") or wanted == "destroyed":
        bundle.state = wanted
    add_duty(batch.session, bundle, index, batch.random_bytes)
    tell(batch, bundle, "handle", index, but=agency, handle=state.handle)


def _worst(states: Sequence[str]) -> str:
    return next((state for state in ("destroyed", "held") if state in states), "active")


def add_duty(session: Session, bundle: Bundle, index: int, random_bytes: Callable[[int], bytes]) -> None:
    """Write down what the halves' store has to do, in the same transaction; `duties.py` does it before the answer."""
    kind = {"held": "hold", "destroyed": "destroy", "active": "lift"}.get(bundle.state)
    if kind is not None:
        session.add(
            Duty(
                log_id=bundle.log_id,
                duty_id=random_bytes(16),
                kind=kind,
                header_digest=bundle.header_digest,
                entry_index=index,
            )
        )
