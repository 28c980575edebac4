"""A mail that says that something waits at the desk, and nothing else: off until the agency names a mail server.

It goes out at moments that do not follow from what came: whoever reads the mail or sees it pass learns that there was
something new within the last hours, not when, what, or from whom.
"""

import secrets
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from config.logs import get_log
from config.settings import DeskSettings, is_loopback
from desk import catalogues
from exchange import news
from exchange.office import Office

HOUR_SECONDS: Final = 3600
SMTP_SECONDS: Final = 20
LATER_SECONDS: Final = 300
PORTS: Final = {"smtps": 465, "smtp": 587}


def _pause() -> int:
    """Seconds until the next mail may go: an hour at least."""
    return HOUR_SECONDS + secrets.randbelow(HOUR_SECONDS)


class Notices:
    """When the next mail may go, and what came since the last one.

    Args:
        began: POSIX seconds; what was there before is no news.
        pause: seconds between two mails, and before the first.
    """

    def __init__(self, settings: DeskSettings, began: int, pause: Callable[[], int] = _pause) -> None:
        self._settings, self._pause = settings, pause
        self._since, self._not_before = began, began + pause()

    def tell(self, office: Office, now: int) -> bool:
        """Send the mail if it is time and something came; whether one was sent. A server that fails is asked later."""
        if not self._settings.mail_url or now < self._not_before:
            return False
        with office.files.reading() as db:
            has_come = news.has_come(db, self._since)
        self._not_before = now + self._pause()
        if not has_come:
            return False
        try:
            _send(self._settings, _message(self._settings, now))
        except (OSError, smtplib.SMTPException) as error:
            # What the server answered may repeat an address; its kind is enough.
            get_log("desk.notices").warning("mail-later", kind=type(error).__name__)
            self._not_before = now + LATER_SECONDS
            return False
        self._since = now
        return True


def _message(settings: DeskSettings, now: int) -> EmailMessage:
    """The same words each time, in the desk's language, without a link: nobody learns to follow links from mails."""
    words = catalogues.load(settings.language)
    made = EmailMessage()
    made["From"], made["To"] = settings.mail_from, settings.mail_to
    made["Date"] = formatdate(now - now % HOUR_SECONDS)
    made["Subject"] = words.gettext("Something waits for you")
    made.set_content(
        words.gettext("Something new waits at your desk. Open the desk as you always do; this mail holds no link.")
        + "\n\n" + words.gettext("This mail says nothing else, and nobody reads an answer to it.") + "\n"
    )  # fmt: skip
    return made


def _send(settings: DeskSettings, message: EmailMessage) -> None:
    parts = urlsplit(settings.mail_url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    trusted = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, "localhost", timeout=SMTP_SECONDS, context=trusted)
    else:
        server = smtplib.SMTP(host, port, "localhost", timeout=SMTP_SECONDS)
    with server:
        if parts.scheme == "smtp" and not is_loopback(host):
            server.starttls(context=trusted)
        if settings.mail_user:
            server.login(settings.mail_user, Path(settings.mail_password_file).read_text(encoding="utf-8").strip())
        server.send_message(message)
