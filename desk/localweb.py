"""Rules of a web server on an officer's own computer (DESIGN 6).

The desk answers only to its exact host and port, refuses requests that another site's page caused, and
refuses any POST that does not carry its own origin. Every answer forbids caching and foreign content.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request

CONTENT_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
# A page typed by hand or opened by the launcher has no site; a link inside the desk is the same origin.
# A browser without the header is older than 2023; its POSTs are still held to the Origin rule.
ALLOWED_SITES = frozenset({"same-origin", "none", ""})


def guard(app: Flask, origins: Iterable[str]) -> None:
    """Install the rules for the desk that is reachable at these origins (scheme://host:port)."""
    allowed = frozenset(origins)
    hosts = frozenset(urlsplit(origin).netloc for origin in allowed)

    @app.before_request
    def refuse_foreign_requests() -> None:
        if request.host not in hosts:
            abort(421)
        if request.headers.get("Sec-Fetch-Site", "") not in ALLOWED_SITES:
            abort(403)
        if request.method not in ("GET", "HEAD") and request.headers.get("Origin") not in allowed:
            abort(403)

    @app.after_request
    def forbid_caching_and_framing(answer: Response) -> Response:
        # Evidence goes out under a stricter one of its own (desk/viewing.py).
        answer.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "same-origin"  # with no-referrer a browser sends `Origin: null`
        answer.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if not request.path.startswith(("/static/", "/bootstrap/")):
            answer.headers["Cache-Control"] = "no-store"
        return answer
