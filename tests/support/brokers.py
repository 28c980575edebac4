"""Brokers for tests: set up, invited to, run."""

import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx2
import psutil

from broker.bundles_api import create_halves
from broker.invites import create_invite
from broker.setup import create_log
from config.settings import BrokerSettings
from crypto.signing import SigningKey
from storage.database import open_engine
from storage.migration import migrate
from tests.support.network import Client, Network

COMMAND = (sys.executable, "-c", "from cli.main import main; main()", "broker")


def prepare_broker(settings: BrokerSettings) -> None:
    """Tables, keys and the first entry."""
    engine = open_engine(settings.database_url)
    migrate(engine, "broker")
    create_halves(settings).close()
    create_log(settings, engine, datetime.now(UTC))
    engine.dispose()


def invite(settings: BrokerSettings, network: Network, agency: str) -> Client:
    """A client with an invitation."""
    engine = open_engine(settings.database_url)
    now = datetime.now(UTC)
    made = create_invite(settings, engine, agency, now, now + timedelta(days=14), os.urandom)
    engine.dispose()
    return network.client(f"invite/{made.invite_id}", SigningKey(made.seed))


@dataclass
class RunningBroker:
    """A broker in processes of its own, as `amparo broker serve` runs it."""

    settings: BrokerSettings
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it; return the seconds until it answered."""
        began = time.monotonic()
        log = (self.settings.data_dir / "server.log").open("ab")
        self.process = subprocess.Popen(
            [*COMMAND, "serve"],
            env=self.environment,
            start_new_session=True,
            stdout=log,
            stderr=log,
        )
        log.close()
        while not self._answers():
            assert self.process.poll() is None, (self.settings.data_dir / "server.log").read_text()[-2000:]
            assert time.monotonic() - began < 60, "the broker does not answer"
            time.sleep(0.05)
        return time.monotonic() - began

    @property
    def environment(self) -> dict[str, str]:
        """This process's variables, with the settings of this broker and of no other."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AMPARO_")}
        for one in dataclasses.fields(self.settings):
            kept[f"AMPARO_BROKER_{one.name.upper()}"] = str(getattr(self.settings, one.name))
        return kept

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`amparo broker WORDS`, with this broker's settings."""
        return subprocess.run(
            [*COMMAND, *words], env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, httpx2.HTTPError):
            url = f"{self.settings.public_url}/v1/openapi.json"
            return httpx2.get(url, timeout=5, trust_env=False, verify=False).status_code == 200
        return False

    def kill(self) -> None:
        """kill -9 to all its processes at once."""
        if self.process is not None:
            kill_group(self.process)
            self.process = None

    def stop(self) -> int:
        """SIGTERM, as a service manager does; return the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        self.kill()
        return status


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """kill -9 to a program and all that it started, and to nobody who has its number since."""
    if process.poll() is not None and not any(_is_of(one, process.pid) for one in psutil.process_iter()):
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


def _is_of(one: psutil.Process, group: int) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        return os.getpgid(one.pid) == group and "cli.main" in " ".join(one.cmdline())
    return False
