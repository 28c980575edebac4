"""What the yardsticks share: the one form of a result, and medians over rounds."""

import argparse
import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Result:
    """One yardstick: `ratios` says how many times better we are than each peer, as the median over the rounds."""

    name: str
    unit: str
    ours: float
    peers: Mapping[str, float]
    ratios: Mapping[str, float]
    memory_mib: float
    goals: Mapping[str, bool]
    more: Mapping[str, Any] = field(default_factory=dict)

    def dump(self) -> str:
        """One JSON object."""
        return json.dumps(
            {
                "name": self.name,
                "unit": self.unit,
                "ours": _short(self.ours),
                "peers": {name: _short(value) for name, value in self.peers.items()},
                "ratios": {name: round(value, 2) for name, value in self.ratios.items()},
                "memory_mib": round(self.memory_mib, 1),
                "machine": describe_machine(),
                "goals": dict(self.goals),
                **self.more,
            }
        )

    def text(self) -> str:
        """The same for people."""
        lines = [f"{self.name} in {self.unit} on {describe_machine()}", f"  amparo {_short(self.ours)}"]
        lines += [f"  {name} {_short(value)}" for name, value in self.peers.items()]
        lines += [f"  {value:.2f} times as good as {name}" for name, value in self.ratios.items()]
        lines += [f"  {name}: {value}" for name, value in self.more.items()]
        lines.append(f"  memory {self.memory_mib:.1f} MiB")
        lines += [f"  {'reached' if reached else 'NOT reached'}: {goal}" for goal, reached in self.goals.items()]
        return "\n".join(lines)

    def show(self, *, as_json: bool) -> int:
        """Print it; 0 when every goal is reached, else 1."""
        print(self.dump() if as_json else self.text())
        return 0 if all(self.goals.values()) else 1


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def describe_machine() -> str:
    """What the figures were measured on."""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def median_ratio(better: Sequence[float], worse: Sequence[float]) -> float:
    """Median over the rounds of how many times larger `worse` is than `better`."""
    return statistics.median(one / other for one, other in zip(worse, better, strict=True))


def make_parser(name: str, rounds: int) -> argparse.ArgumentParser:
    """The options that every yardstick has."""
    parser = argparse.ArgumentParser(prog=f"bench.{name}")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return parser
