"""AmparoError to status and JSON: `{code, message, detail}`, the one form of every error of the API."""

from typing import Any

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException, MethodNotAllowed

import errors
from broker import wire
from config.logs import get_log

# The most specific class that stands here decides.
STATUS: dict[type[errors.AmparoError], int] = {
    errors.AmparoError: 500,
    errors.InputError: 400,
    errors.FormatError: 400,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.LimitExceeded: 413,
    errors.QuotaExceeded: 429,
    errors.RequestReplayed: 409,
    errors.ClockSkewed: 401,
    errors.HalfKeyExpired: 409,
    errors.Refused: 403,
    errors.ReleaseHeld: 409,
    errors.ReleaseDestroyed: 410,
    errors.BundleExpired: 410,
    errors.IntegrityError: 422,
    errors.SignatureInvalid: 401,
    errors.KeyholderError: 403,
    errors.InstallationError: 503,
    errors.HalfLost: 404,
    errors.LogClosed: 410,
    errors.StorageFull: 507,
}
# What HTTP itself refuses; the texts of the framework may repeat what was sent.
HTTP_CODES = {
    400: ("format", "The request does not have the form that the protocol describes."),
    404: ("not-found", "There is nothing under this address."),
    405: ("method-not-allowed", "This address does not take this method."),
    408: ("timeout", "The request came too slowly."),
    413: ("limit-exceeded", "The request is larger than this broker takes."),
    415: ("media-type", "The request has another content type than this address takes."),
    422: ("format", "The request does not have the form that the protocol describes."),
}
METHODS = ("GET", "HEAD", "POST", "PUT")
_MEMBERS = wire.list_members()


def get_status(error: errors.AmparoError) -> int:
    """The HTTP status of an error: that of its nearest class in `STATUS`."""
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def make_answer(status: int, code: str, message: str, detail: dict[str, Any] | None = None) -> Response:
    """An error answer."""
    answer = jsonify({"code": code, "message": message, "detail": detail or {}})
    answer.status_code = status
    return answer


def answer_error(error: errors.AmparoError) -> Response:
    """An AmparoError as an answer; its message carries neither a secret nor a name."""
    detail = getattr(error, "detail", None)
    answer = make_answer(get_status(error), error.code, error.message, detail)
    if isinstance(error, errors.InstallationError | errors.QuotaExceeded):
        answer.headers["Retry-After"] = "5"
    return answer


def answer_http(error: HTTPException) -> Response:
    """An error of HTTP itself; 405 keeps its `Allow`."""
    status = error.code or 500
    code, message = HTTP_CODES.get(status, ("error", "The request cannot be answered."))
    answer = make_answer(status, code, message, _shape(getattr(error, "data", None)))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answer


def answer_failure(error: Exception) -> Response:
    """A mistake of ours: the class goes into the log, nothing into the answer."""
    get_log("broker").error("request-failed", exc_info=error)
    return make_answer(500, "error", "The broker failed; its administrator finds the reason in the log.")


def register_errors(app: Flask) -> None:
    """Answer every error in the one form."""
    app.register_error_handler(errors.AmparoError, answer_error)
    app.register_error_handler(HTTPException, answer_http)
    app.register_error_handler(Exception, answer_failure)


def _shape(data: Any) -> dict[str, Any]:
    # Of a schema's complaint only the names of our own members are repeated, never a value.
    messages = data.get("messages") if isinstance(data, dict) else None
    if not isinstance(messages, dict):
        return {}
    return {"members": sorted(_names(messages))[:20]}


def _names(messages: dict[Any, Any]) -> set[str]:
    found: set[str] = set()
    for place in messages.values():
        if isinstance(place, dict):
            found |= _MEMBERS & {str(name) for name in place}
    return found
