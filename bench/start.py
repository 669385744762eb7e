"""How long it takes until clusterkit can do anything."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.lab import CLUSTERKIT
from bench.race import Row, Target, race, timed

_INVENTORY = Path(__file__).resolve().parent.parent / "inventories" / "docker-pair.yaml"


def start() -> list[Row]:
    """The help and a check, over the imports that they cannot do without."""
    peer = 'python -c "import typer, pydantic"'
    commands = {
        peer: [sys.executable, "-c", "import typer, pydantic"],
        "clusterkit --help": [CLUSTERKIT, "--help"],
        "clusterkit check": [CLUSTERKIT, "check", _INVENTORY],
    }
    heats = {
        name: (lambda argv=argv: {"whole": timed(argv)})  # type: ignore[misc]
        for name, argv in commands.items()
    }
    seconds = race(heats, runs=20)
    return [
        Row(name, peer, seconds[name]["whole"], seconds[peer]["whole"], Target("ratio", 3.0))
        for name in ("clusterkit --help", "clusterkit check")
    ]
