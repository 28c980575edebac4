"""Who may use which page: each view names one right of the table (`agencies.rights`), or says that it takes none.

A view that says nothing is closed to everybody, and a desk with such a view does not start.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from flask import Flask, abort, current_app, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from agencies.members import OfficerSession
from agencies.rights import RIGHTS, has_right, require_right
from crypto.header import IDENTIFIER_BYTES
from desk import parked
from desk.session import SessionBook
from errors import SignInRequired
from exchange.office import Office

FILES: Final = frozenset({"static", "bootstrap.static"})
NEXT: Final = "next"
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use a view.

    Attributes:
        right: a right of the table; None for what every officer may do.
        is_open: without a sign-in.
        is_step: a step of the sign-in, with the passphrase given and the second factor still to come.
    """

    right: str | None = None
    is_open: bool = False
    is_step: bool = False


def _marked(view: View, access: Access) -> View:
    cast(Any, view).access = access
    return view


def needs(right: str) -> Callable[[View], View]:
    """The view takes a sign-in and this right."""
    if right not in RIGHTS:
        raise ValueError(f"there is no right {right}")
    return lambda view: _marked(view, Access(right))


def any_officer(view: View) -> View:
    """The view takes a sign-in, of whatever role."""
    return _marked(view, Access())


def without_sign_in(view: View) -> View:
    """The view is open to whoever reaches the desk."""
    return _marked(view, Access(is_open=True))


def step_of_sign_in(view: View) -> View:
    """The view is for an officer whose passphrase was right and whose second factor is still to come."""
    return _marked(view, Access(is_step=True))


def table(app: Flask) -> Mapping[str, Access]:
    """Endpoint to access, for the rights test and the guard.

    Raises:
        RuntimeError: a view says nothing.
    """
    found = {}
    for endpoint, view in app.view_functions.items():
        if endpoint in FILES:
            continue
        access = getattr(view, "access", None)
        if access is None:
            raise RuntimeError(f"the page {endpoint} does not say who may use it")
        found[endpoint] = access
    return found


def guard(app: Flask) -> None:
    """Close every page to whoever has no right to it."""
    app.before_request(_require_access)


def _require_access() -> ResponseReturnValue | None:
    if request.endpoint is None or request.endpoint in FILES:
        return None
    access = table_of_request(request.endpoint)
    if access.is_open:
        return None
    if access.is_step:
        return None if current_user.is_pending else redirect(url_for("entry.sign_in"))
    if not current_user.is_authenticated:
        return _to_sign_in()
    if access.right is not None:
        require_right(officer().roles, access.right)
    return None


def table_of_request(endpoint: str) -> Access:
    """Access of one view; closed for a view that says nothing."""
    access = getattr(current_app.view_functions[endpoint], "access", None)
    if access is None:
        raise SignInRequired
    return cast(Access, access)


def _to_sign_in() -> ResponseReturnValue:
    """To the sign-in and then back. What was typed into a form is kept, sealed to the officer who typed it."""
    if request.method == "POST":
        parked.park(office(), session.get("_user_id"))
        session[NEXT] = parked.way_back(request.form.get(parked.FROM, ""))
    elif request.method == "GET":
        session[NEXT] = parked.way_back(request.full_path.rstrip("?"))
    return redirect(url_for("entry.sign_in"))


# ---- What views ask for -----------------------------------------------------------------------------------------


def office() -> Office:
    """The desk behind this page."""
    return cast(Office, current_app.extensions["office"])


def book() -> SessionBook:
    """Who is signed in at this desk."""
    return cast(SessionBook, current_app.extensions["book"])


def now() -> int:
    """POSIX seconds of this desk's clock."""
    return int(time.time())


def officer() -> OfficerSession:
    """Who is signed in."""
    return cast(OfficerSession, current_user.officer)


def may(right: str) -> bool:
    """Whether the signed-in officer has a right; for what a page shows, never in place of `needs`."""
    return bool(current_user.is_authenticated) and has_right(officer().roles, right)


def identifier(text: str) -> bytes:
    """An id out of an address; anything else is a page that does not exist."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        abort(404)
    if len(raw) != IDENTIFIER_BYTES:
        abort(404)
    return raw
