"""The desk as a web application: one process with its keys in memory."""

import time
from pathlib import Path
from typing import Any

from flask import Flask
from flask_bootstrap import Bootstrap5
from flask_login import current_user
from flask_wtf import CSRFProtect
from flask_wtf.csrf import generate_csrf

from agencies import members
from agencies.members import OfficerSession
from config.settings import DeskSettings
from desk import (
    access,
    admission,
    agencies,
    alerts,
    answering,
    approvals,
    backup,
    bundle_stop,
    case_history,
    case_team,
    casework,
    charts,
    consent,
    enrolment,
    entry,
    errors,
    exhibit_papers,
    exhibits,
    factors,
    first_steps,
    form_parser,
    guide,
    handovers,
    keeping,
    kept,
    languages,
    leave,
    localweb,
    log_health,
    navigation,
    officers,
    opening_approval,
    packs,
    people,
    person_flags,
    progress,
    record,
    recovery,
    search,
    session,
    settings,
    setup,
    share_send,
    sharing,
    today,
    upload_parts,
    verify,
    viewing,
)  # fmt: skip
from desk.jobs import Jobs
from desk.knows import broker_knows
from desk.status import log_state
from exchange import membership
from exchange.office import Office

BLUEPRINTS = (
    entry.pages, factors.pages, leave.pages, setup.pages, first_steps.pages, enrolment.pages, today.pages,
    progress.pages, guide.pages,
    casework.pages, people.pages, person_flags.pages, case_team.pages, charts.pages, case_history.pages, search.pages,
    exhibits.pages, exhibit_papers.pages, handovers.pages, viewing.pages, upload_parts.pages,
    sharing.pages, share_send.pages, bundle_stop.pages, approvals.pages,
    keeping.pages, opening_approval.pages, answering.pages, kept.pages,
    consent.pages, packs.pages,
    agencies.pages, admission.pages, log_health.pages, alerts.pages, verify.pages,
    settings.pages, officers.pages, recovery.pages, backup.pages, record.pages,
)  # fmt: skip


def create_desk(settings: DeskSettings) -> Flask:
    """The desk's application; `desk.server` serves it and runs its clock beside it.

    Raises:
        NotFound, SetUpUnfinished: there is no desk in the folder of the settings, or it has joined no network.
    """
    app = Flask("desk", root_path=str(Path(__file__).parent))
    office = membership.open_office(
        settings.data_dir, settings.broker_url, clock=time.time, settings=settings,
        invitation=membership.read_invitation(settings.data_dir),
    )  # fmt: skip
    app.config.update(
        SECRET_KEY=settings.session_key_file.read_bytes(),
        SESSION_COOKIE_NAME=f"amparo-{office.files.desk_id}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https:"),
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_CHECK_DEFAULT=False,  # `_check_token`, after the sign-in is looked at: a form that comes late is kept
        WTF_CSRF_SSL_STRICT=False,  # localweb holds every POST to the desk's own origin
        BOOTSTRAP_SERVE_LOCAL=True,
    )
    book = session.SessionBook(
        settings.idle_lock_minutes * 60, settings.session_hours * 3600, lambda officer: _is_current(office, officer)
    )
    app.extensions["office"], app.extensions["book"], app.extensions["jobs"] = office, book, Jobs()
    form_parser.install(app)
    localweb.guard(app, [settings.public_url])
    protect = CSRFProtect(app)
    Bootstrap5(app)
    session.install(app, book)
    languages.install(app, settings.language, settings.time_zone)
    access.guard(app)
    app.before_request(protect.protect)
    setup.guard(app, office)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.context_processor(lambda: _context(office))
    errors.install(app)
    access.table(app)
    return app


def _is_current(office: Office, officer: OfficerSession) -> bool:
    with office.files.session() as db:
        return members.is_current(db, officer)


def _context(office: Office) -> dict[str, Any]:
    """What every page shows."""
    found = {
        **languages.context(), "agency_name": office.agency, "agency_unit": office.settings.unit,
        "csrf_token": generate_csrf, "may": access.may,
        "broker_knows": broker_knows, "theme": None, "hides_agency": False, "lock_seconds": 0,
        "without_second_factor": False, "shows_exit": False, "log_state": log_state(office),
    }  # fmt: skip
    if current_user.is_authenticated:
        choices = current_user.choices
        found |= {
            "navigation": navigation.shown(), "theme": choices.theme, "hides_agency": choices.hides_agency,
            "lock_seconds": int(access.book().idle_seconds), "shows_exit": choices.shows_exit,
            "without_second_factor": office.settings.second_factor == "off",
        }  # fmt: skip
    return found
