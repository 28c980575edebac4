"""The broker's blueprints: their reader of JSON refuses what Python's own reader breaks at."""

from typing import Any

import flask_smorest
from flask import Request
from webargs.flaskparser import FlaskParser

from errors import FormatError


class StrictParser(FlaskParser):
    """Reads JSON bodies; nothing in them ends in another error than a refusal."""

    def load_json(self, req: Request, schema: Any) -> Any:
        """The body as JSON.

        Raises:
            FormatError: nested deeper than the interpreter can follow, or a number of thousands of digits.
        """
        try:
            return super().load_json(req, schema)
        except (RecursionError, ValueError):
            raise FormatError("the body is no JSON that this protocol has") from None


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A blueprint with that reader."""

    ARGUMENTS_PARSER = StrictParser()
