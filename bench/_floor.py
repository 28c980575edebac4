"""The least that any service of this kind does: take a request over HTTP, write it to SQLite, sync, answer.

No signature, no log, no encryption: what `bench.release` takes longer than this is what Amparo adds.
"""

import os
import sqlite3

from flask import Flask, request

app = Flask(__name__)


def _connect() -> sqlite3.Connection:
    connection = sqlite3.connect(os.environ["FLOOR_DATABASE"], isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS taken (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")
    return connection


@app.post("/take")
def take() -> dict[str, int | None]:
    """One row, durable before the answer."""
    connection = _connect()
    try:
        return {"index": connection.execute("INSERT INTO taken (body) VALUES (?)", (request.get_data(),)).lastrowid}
    finally:
        connection.close()
