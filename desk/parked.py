"""Forms that arrive after the lock: what was typed is sealed to the officer who typed it, and shown again to her.

Nothing is lost at the idle lock and nothing lies about in clear: the desk knows whose session it was, and seals to her
public key. Secrets and files are never kept.
"""

import time
from typing import Any, Final
from urllib.parse import urlsplit

from flask import current_app, request
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from agencies import own_papers
from errors import AmparoError
from exchange.office import Office

KIND: Final = "parked"
FROM: Final = "from_page"  # hidden field: the page on which the form stood
NEVER: Final = frozenset({"csrf_token", "once", "passphrase", "again", "code", "words", "upload", FROM})


def way_back(path: str) -> str:
    """A page of this desk to go back to; the start for anything else."""
    parts = urlsplit(path)
    is_own = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if is_own and not parts.netloc and not parts.scheme and len(path) <= 1000 else "/"


def park(office: Office, name: str | None) -> None:
    """Keep what a form brought after its session had ended."""
    handle = current_app.extensions["book"].was(name) if isinstance(name, str) else None
    page = way_back(request.form.get(FROM, ""))
    typed = {key: values for key, values in request.form.lists() if not _is_never_kept(key)}
    if handle is None or page == "/" or not typed:
        return
    value = {"v": 1, "page": page, "typed": typed}
    try:
        with office.files.session() as db:
            own_papers.keep(db, handle, KIND, value, now=int(time.time()))
    except AmparoError:  # the officer has left, or it is too large
        return


def _is_never_kept(key: str) -> bool:
    """Whether it is a secret, also one of several (`words-0`, `passphrase_new`)."""
    return key in NEVER or key.startswith(("passphrase", "words-", "code-"))


def typed_before() -> MultiDict[str, str] | None:
    """What was typed on this page before the desk locked; given out once."""
    found = _find(request.path)
    if found is None:
        return None
    return MultiDict([(key, value) for key, values in found["typed"].items() for value in values])


def _find(path: str) -> dict[str, Any] | None:
    office, officer = current_app.extensions["office"], current_user.officer
    with office.files.session() as db:
        for row in own_papers.list_papers(db, officer, KIND):
            try:
                value = own_papers.read(db, officer, row.paper_id, KIND)
            except AmparoError:  # sealed to keys that were renewed since
                own_papers.drop(db, officer, row.paper_id)
                continue
            if urlsplit(value["page"]).path == path:
                own_papers.drop(db, officer, row.paper_id)
                return value
    return None
