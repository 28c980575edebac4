"""Brokers for tests: set up, invited to, run."""

import os
from datetime import UTC, datetime, timedelta

from broker.bundles_api import create_halves
from broker.invites import create_invite
from broker.setup import create_log
from config.settings import BrokerSettings
from crypto.signing import SigningKey
from storage.database import BrokerBase, open_engine
from tests.support.network import Client, Network


def prepare_broker(settings: BrokerSettings) -> None:
    """Tables, keys and the first entry."""
    engine = open_engine(settings.database_url)
    BrokerBase.metadata.create_all(engine)
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
