"""How days and months are written in each language of the pages."""

import pytest
from flask import Flask
from flask_babel import Babel

from desk import languages

NOON = 1_795_780_800  # 2026-11-27, 12:00 UTC


@pytest.mark.parametrize(
    ("language", "day", "month"),
    [
        ("en", "27 November 2026", "November 2026"),
        ("fr", "27 novembre 2026", "novembre 2026"),
        ("es", "27 de noviembre de 2026", "noviembre de 2026"),
        ("ro", "27 noiembrie 2026", "noiembrie 2026"),
        ("ar", "27 نوفمبر 2026", "نوفمبر 2026"),
    ],
)
def test_days_and_months_are_written_as_the_language_writes_them(language: str, day: str, month: str) -> None:
    app = Flask(__name__)
    Babel(app, locale_selector=lambda: language, default_timezone="UTC")
    with app.test_request_context():
        assert languages.day("2026-11-27") == day
        assert languages.day(NOON) == day
        assert languages.moment(NOON) == f"{day}, 12:00"
        assert languages.month("2026-11") == month
        assert languages.month("no month") == "no month"
