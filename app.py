"""Builds a broker or a desk: the only place where all the parts meet."""

from flask import Flask

from broker.app import create_broker
from config.settings import BrokerSettings, DeskSettings
from desk.app import create_desk


def create_app(settings: BrokerSettings | DeskSettings) -> Flask:
    """The web application for these settings."""
    if isinstance(settings, BrokerSettings):
        return create_broker(settings)
    return create_desk(settings)
