"""The desk refuses what another program or another site's page could send to its port."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from desk import localweb

ORIGIN = "http://127.0.0.1:8123"


@pytest.fixture
def browser() -> FlaskClient:
    app = Flask("rules")
    localweb.guard(app, [ORIGIN])
    app.add_url_rule("/page", "page", lambda: "words", methods=["GET", "POST"])
    return app.test_client()


def ask(browser: FlaskClient, method: str = "GET", host: str = "127.0.0.1:8123", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return browser.open("/page", method=method, headers={"Host": host, **named}).status_code


def test_only_the_exact_host_and_port_is_answered(browser: FlaskClient) -> None:
    """DNS rebinding: a foreign name that resolves to loopback must not reach the desk."""
    assert ask(browser) == 200
    for host in (
        "localhost:8123",
        "127.0.0.1:8124",
        "127.0.0.1",
        "evil.example:8123",
        "127.0.0.1:8123.evil.example",
    ):
        assert ask(browser, host=host) == 421, host


def test_a_request_caused_by_another_site_is_refused(browser: FlaskClient) -> None:
    assert ask(browser, Sec_Fetch_Site="same-origin") == 200
    assert ask(browser, Sec_Fetch_Site="none") == 200
    for site in ("cross-site", "same-site", "anything"):
        assert ask(browser, Sec_Fetch_Site=site) == 403, site


def test_a_post_needs_the_desks_own_origin(browser: FlaskClient) -> None:
    assert ask(browser, "POST", Origin=ORIGIN) == 200
    assert ask(browser, "POST") == 403
    for origin in ("null", "http://localhost:8123", "https://127.0.0.1:8123", "http://evil.example"):
        assert ask(browser, "POST", Origin=origin) == 403, origin


def test_every_answer_forbids_caching_framing_and_foreign_content(browser: FlaskClient) -> None:
    answer = browser.get("/page", headers={"Host": "127.0.0.1:8123"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe-inline" not in policy
