"""What every rank is told besides its words: ``input.json``, in the folder where it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from clusterkit.payloads.generate_events import Refused
from clusterkit.payloads.model_protocol import INPUT_VERSION

INPUT = "input.json"


def read_input() -> dict[str, Any]:
    """Read it.

    Raises:
        Refused: If another version wrote it, which may mean something else by the same words.
    """
    told: dict[str, Any] = json.loads(Path(INPUT).read_text(encoding="utf-8"))
    if told.get("version") != INPUT_VERSION:
        raise Refused(
            f"{INPUT} is of version {told.get('version')}, and this reads {INPUT_VERSION}. "
            "Fix: the same version of clusterkit here and there: run `clusterkit up INVENTORY`"
        )
    return told
