"""What all models that a user writes have in common."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

NAME = r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"

Name = Annotated[str, StringConstraints(pattern=NAME)]
"""A cluster, node or group: what a host name may be (RFC 1123), beginning with a letter."""

HIGHEST_PORT = 65535


def is_name(text: str) -> bool:
    """Whether ``text`` may be a :data:`Name`."""
    return re.fullmatch(NAME, text) is not None


class Model(BaseModel):
    """Base of every model: unknown keys are errors, values never change."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        defer_build=True,  # a verb pays for the models that it uses, not for all
    )
