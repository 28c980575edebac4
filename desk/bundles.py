"""Bundles that this agency sent: where each is, who opened it and why, and what can still be done with it."""

import time
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from agencies import cases
from desk import progress, share_words, sharing
from desk.access import may, needs, now, office, officer
from desk.casework import identifier
from desk.forms import DeskForm, done, once
from desk.jobs import Progress
from desk.share_summary import shown
from errors import NotEntitled
from exchange import (
    composition,
    delivery,
    reading,
    renewal,
    sent,
    share_drafts,
    share_sending,
    stopping,
    withdrawals,
)
from exchange.sent import Sent
from exchange.share_drafts import STEPS, Asked, Draft

pages: Final = Blueprint("bundles", __name__)
PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Pages:
    """Which part of the list."""

    number: int
    count: int

    def url(self, number: int) -> str:
        """Another part."""
        return url_for("bundles.listing", page=number)


# ---- The list -----------------------------------------------------------------------------------------------------


@pages.get("/bundles")
@needs("share")
def listing() -> ResponseReturnValue:
    """What was sent, newest first; and what waits for approval."""
    with office().files.session() as db:
        total = sent.count(db, officer())
        count = max(1, -(-total // PAGE))
        number = min(max(1, request.args.get("page", 1, type=int)), count)
        found = sent.list_sent(db, officer(), now=now(), start=(number - 1) * PAGE, most=PAGE)
        begun = share_drafts.list_all(db, officer())
        waiting = [one for one in begun if one.asked or one.is_sending]
        handles = cases.handles_of(db, officer(), {one.case_id for one in found} | {one.case_id for one in begun})
    return render_template(
        "bundles/list.html", found=found, handles=handles, words=share_words, pages=Pages(number, count),
        drafts=len(begun),
        waiting=[(one, sharing.address("send", one), handles.get(one.case_id, "")) for one in waiting],
    )  # fmt: skip


# ---- One bundle ---------------------------------------------------------------------------------------------------


def get(bundle: str) -> Sent:
    """A bundle of this address."""
    with office().files.session() as db:
        return sent.get_sent(db, officer(), identifier(bundle), now=now())


@pages.get("/bundles/<bundle>")
@needs("share")
def page(bundle: str) -> ResponseReturnValue:
    """State, content in short, every act on it, and what can be done."""
    found = get(bundle)
    acts, is_short = _acts(found)
    with office().files.session() as db:
        handle = cases.get_case(db, officer(), found.case_id).handle
        content = None if found.made is None else shown(db, office(), officer(), found.made)
        fresh = renewal.replacement_of(db, officer(), found.bundle_id) if found.state == "half-lost" else None
    back = url_for("bundles.page", bundle=bundle)
    job = next((one for one in progress.jobs().running(officer().handle) if one.back == back), None)
    return render_template(
        "bundles/page.html", one=found, acts=acts, is_short=is_short, handle=handle, content=content, words=share_words,
        pending=reading.unanswered_requests(acts), fresh=fresh, form=DeskForm(), job=job,
        is_final=sent.is_final(found), detail=sent.details_of, may_stop=may("hold"), **_stopped(found),
    )  # fmt: skip


def _acts(found: Sent) -> tuple[list[reading.Act], bool]:
    """The record, newest last; without purposes for an officer to whom the bundle was not sealed."""
    try:
        return reading.bundle_record(office(), officer(), found.bundle_id), False
    except NotEntitled:
        return [], True


def _stopped(found: Sent) -> dict[str, Any]:
    """How far the stop of this bundle alone is, and where it goes on; nothing where it was never stopped."""
    stand = stopping.stand_of(office(), officer(), found.case_id, found.bundle_id, now=now())
    if not stand.acts:
        return {"stand": None}
    bundle = found.bundle_id.hex()
    urls = {name: url_for(f"bundles.{name}", bundle=bundle) for name in ("go_on", "lift", "alone")}
    urls["destroy"] = url_for("bundles.stop", bundle=bundle, what="withdraw")
    is_mine = stand.waiting is not None and stand.waiting.asked_by == officer().handle
    return {"stand": stand, "urls": urls, "is_mine": is_mine, "reasons": {withdrawals.ASKED: ""}}


@pages.get("/bundles/<bundle>/receipt")
@needs("share")
def receipt(bundle: str) -> ResponseReturnValue:
    """After sending: number, time, digest, recipients, what happens next; to print. `with` names its sisters."""
    found = [get(one) for one in dict.fromkeys([bundle, *request.args.getlist("with")[:20]])]
    return render_template("bundles/receipt.html", found=found, words=share_words)


# ---- Sending on ---------------------------------------------------------------------------------------------------


@pages.post("/bundles/<bundle>/send")
@needs("share")
@once
def send(bundle: str) -> ResponseReturnValue:
    """Send what is sealed, or the parts that are missing; no key is needed for it."""
    found = get(bundle)
    if found.state not in ("waiting", "sending"):
        return done(url_for("bundles.page", bundle=bundle))
    back, after = url_for("bundles.page", bundle=bundle), url_for("bundles.receipt", bundle=bundle)
    if any(one.back == back for one in progress.jobs().running(officer().handle)):
        return done(back)
    desk = office()

    def work(tell: Progress) -> str:
        share_sending.send(desk, found.bundle_id, now=int(time.time()), tell=lambda _phase, at, of: tell(at, of))
        return after

    return progress.begin(share_sending.SENDING, work, back=back)


@pages.post("/bundles/<bundle>/again")
@needs("share")
@once
def again(bundle: str) -> ResponseReturnValue:
    """Begin a draft with the answers of this bundle: to correct it, for another agency, or for longer."""
    found, wanted = get(bundle), request.form.get("do", "")
    with office().files.session() as db:
        draft = share_drafts.again(db, officer(), found.bundle_id, wanted)
        kept = share_drafts.save(db, officer(), draft, now=now())
    step = share_drafts.ANEW[wanted] if kept.done else "case"
    return done(sharing.address(step, kept, way="check"))


@pages.post("/bundles/<bundle>/seal-again")
@needs("share")
@once
def seal_again(bundle: str) -> ResponseReturnValue:
    """The broker has lost its key half: seal the same once more, as a bundle that names the lost one."""
    found = get(bundle)
    made = renewal.composition_of(office(), officer(), found.bundle_id, now=now())
    if made.threshold > 1:
        with office().files.session() as db:
            kept = composition.save_draft(db, officer(), made, now=now())
        asked = Asked(made.agencies[0], kept, delivery.ask_approval(office(), officer(), made, now=now()))
        with office().files.session() as db:
            draft = share_drafts.save(db, officer(), _ready(found, made, asked), now=now())
        return done(sharing.address("send", draft))
    desk, acting = office(), officer()
    back, after = url_for("bundles.page", bundle=bundle), url_for("bundles.receipt", bundle="0" * 32)

    def work(tell: Progress) -> str:
        def phase(kind: str, at: int, of: int) -> object:
            return tell(at, of, kind)

        fresh = share_sending.seal(desk, acting, made, None, found.reason, now=int(time.time()), tell=phase)
        share_sending.send(desk, fresh, now=int(time.time()), tell=phase)
        return after.replace("0" * 32, fresh.hex())

    return progress.begin(share_sending.SEALING, work, back=back)


def _ready(found: Sent, made: composition.Composition, asked: Asked) -> Draft:
    """A draft that only waits for the approval of what was composed before."""
    recipients = tuple(share_drafts.Recipient(one.agency, one.officers, "") for one in made.recipients)
    return Draft(
        found.case_id, purpose=made.purposes[0], basis=made.legal_basis, recipients=recipients,
        threshold=made.threshold, asked=(asked,), done=STEPS[:-1], reason=found.reason,
    )  # fmt: skip
