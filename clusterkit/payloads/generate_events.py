"""What a rank tells the one who started it: lines of JSON."""

from __future__ import annotations

import json
import os
from typing import Any

from clusterkit.payloads.model_protocol import REFUSED


class Refused(Exception):
    """The request cannot be answered, however often it is tried."""

    exit_code = REFUSED


class Failed(Exception):
    """The request was not answered; the message says all that there is to know."""

    exit_code = 1


JOB_RANK = "CLUSTERKIT_RANK"
"""The number of a rank in the job, where RANK is its number in a smaller world of its own."""


def rank() -> int:
    """The number of this rank in the job."""
    return int(os.environ.get(JOB_RANK) or os.environ.get("RANK", "0"))


def tell(**event: Any) -> None:
    """Write one event; a line is one write, so lines of different ranks do not mix."""
    line = (json.dumps(event) + "\n").encode("ascii")
    target = int(os.environ.get("CLUSTERKIT_EVENTS_FD", "1"))
    while line:
        line = line[os.write(target, line) :]
