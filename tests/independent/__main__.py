"""Command line: python -m tests.independent PACK [--trust FILE]."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .encoding import Refused
from .verifier import verify


def main() -> int:
    """Verify a pack: 0 proven, 3 whole but its signers are not checked, 1 refused, 2 no pack to read."""
    parser = argparse.ArgumentParser(prog="python -m tests.independent", description="Verify an Amparo evidence pack.")
    parser.add_argument("pack", type=Path)
    parser.add_argument("--trust", type=Path)
    arguments = parser.parse_args()
    try:
        pack = arguments.pack.read_bytes()
        trust = arguments.trust.read_bytes() if arguments.trust else None
    except OSError as error:
        print(f"no-pack: {error}")
        return 2
    try:
        result = verify(pack, trust)
    except Refused as refusal:
        print(f"refused {refusal.code}: {refusal.message}".encode("ascii", "backslashreplace").decode())
        return 1
    words = "proven" if result.proven else "whole, but its signers are not checked"
    line = f"{words}: {result.agency}, case {result.case}, {result.exhibits} exhibits, {len(result.gaps)} gaps"
    print(line.encode("ascii", "backslashreplace").decode())
    for gap in result.gaps:
        print(f"gap {gap.reason}: {gap.about}")
    return 0 if result.proven else 3


if __name__ == "__main__":
    sys.exit(main())
