"""What a sample run takes of a test that has many forms."""

import random
from collections.abc import Sequence

import pytest


def drawn(config: pytest.Config, forms: Sequence[str], most: int) -> list[str]:
    """Some of the forms, by the run's seed; all of them at full count."""
    if config.option.full:
        return list(forms)
    return random.Random(f"{config.option.seed}/{forms[0]}").sample(forms, most)
