"""A desk in a process of its own, as `amparo desk run` serves it, and what a browser sends it, without a browser."""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psutil

from tests.support.brokers import free_port, kill_group
from tests.support.field import WORDS

PROGRAM = "from cli.main import main; main()"
BOUNDARY = "field-of-the-test"


@dataclass
class DeskProcess:
    """One desk served by a process that can be killed.

    Attributes:
        broker_url: of the broker that it speaks to.
        temp: the folder that the process takes for its temporary files.
        more: settings beside those that every desk needs.
    """

    agency: str
    folder: Path
    broker_url: str
    temp: Path
    more: Mapping[str, object] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What the process printed."""
        return self.temp.parent / "desk.log"

    @property
    def address(self) -> str:
        """The address that it printed, with the one-time code of a desk that is not set up."""
        return re.findall(r"The desk answers at (\S+)", self.log.read_text())[-1]

    def start(self) -> None:
        """Start it, and wait until it answers."""
        (self.folder / "session.key").write_bytes(b"k" * 32)
        (self.folder / "desk.env").touch()
        self.temp.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AMPARO_")}
        settings = {
            "DATA_DIR": self.folder, "AGENCY_ID": self.agency, "PUBLIC_URL": self.url, "PORT": self.port,
            "BROKER_URL": self.broker_url, "SESSION_KEY_FILE": self.folder / "session.key", "SECOND_FACTOR": "off",
            **self.more,
        }  # fmt: skip
        kept |= {f"AMPARO_DESK_{name}": str(value) for name, value in settings.items()}
        kept["TMPDIR"] = str(self.temp)
        log = self.log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "desk", "--dir", str(self.folder), "run"],
            env=kept, start_new_session=True, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()
        began = time.monotonic()
        while not self._answers():
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() - began < 90, "the desk does not answer"
            time.sleep(0.05)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, httpx2.HTTPError):
            return httpx2.get(f"{self.url}/sign-in", timeout=10, trust_env=False, verify=False).status_code < 500
        return False

    @property
    def memory_bytes(self) -> int:
        """What the process that serves holds in memory now."""
        return int(psutil.Process(self.serving).memory_info().rss)

    @property
    def serving(self) -> int:
        """The process that answers: it has the keys."""
        assert self.process is not None
        (child,) = psutil.Process(self.process.pid).children()
        return int(child.pid)

    @property
    def open_files(self) -> list[str]:
        """What the process has open, deleted files as well: those are read through their descriptors."""
        folder = Path(f"/proc/{self.serving}/fd")
        return [str(one) for one in folder.iterdir() if (one.resolve().is_file() or "deleted" in str(one.resolve()))]

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            kill_group(self.process)
            self.process = None


@dataclass
class Visitor:
    """A client with a signed-in session."""

    url: str
    client: httpx2.Client

    def token(self, path: str) -> dict[str, str]:
        """The hidden fields of the form on a page."""
        page = self.client.get(self.url + path).text
        found = re.findall(r'<input[^>]*?name="(csrf_token|once|from_page)"[^>]*?value="([^"]*)"', page)
        swapped = re.findall(r'<input[^>]*?value="([^"]*)"[^>]*?name="(csrf_token|once|from_page)"', page)
        return dict([*found, *((name, value) for value, name in swapped)])

    def send(self, path: str, body: Iterator[bytes], size: int) -> httpx2.Response:
        """Send a form as it is, streamed."""
        headers = {
            "Origin": self.url, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
            "Content-Length": str(size),
        }  # fmt: skip
        return self.client.post(self.url + path, content=body, headers=headers)


@contextlib.contextmanager
def visiting(url: str, handle: str) -> Iterator[Visitor]:
    """A client that signs in."""
    with httpx2.Client(trust_env=False, timeout=600) as client:
        visitor = Visitor(url, client)
        values = {**visitor.token("/sign-in"), "handle": handle, "passphrase": WORDS}
        answer = client.post(f"{url}/sign-in", data=values, headers={"Origin": url})
        assert answer.status_code in (302, 303), answer.text[:500]
        yield visitor


def text_parts(fields: dict[str, str]) -> bytes:
    """Fields of a form, as a browser writes them."""
    return b"".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    )


def file_head(name: str, filename: str) -> bytes:
    """The beginning of a file part."""
    return (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()


END = f"\r\n--{BOUNDARY}--\r\n".encode()
