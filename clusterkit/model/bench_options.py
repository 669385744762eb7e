"""The options of ``bench``."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from clusterkit.model.base import Model
from clusterkit.model.job_options import Timeout
from clusterkit.model.mistakes import mistake

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_LARGEST_BYTES = 1 << 30


def _sizes(given: Any) -> Any:
    """``1m,8m`` as bytes, the smallest first."""
    words = given.split(",") if isinstance(given, str) else given
    if not isinstance(words, list | tuple):
        words = [words]
    return tuple(sorted({_size(str(word).strip()) for word in words}))


def _size(text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,12})([kmg]?)", text, re.IGNORECASE)
    size = int(found[1]) * _UNITS[found[2].lower()] if found else 0
    if not 1 <= size <= _LARGEST_BYTES:
        raise mistake(f"`{text}` is no size from 1 byte to 1g", "write sizes such as `64k,1m,8m`")
    return size


class BenchOptions(Model):
    """Measure the cluster: `net`, the network between every two nodes."""

    what: Literal["net"] = Field(description="What to measure", examples=["net"])
    nodes: str | None = Field(
        default=None,
        min_length=1,
        description="Between which nodes; default: all",
        examples=["node[1-4]"],
    )
    sizes: Annotated[tuple[int, ...], BeforeValidator(_sizes)] = Field(
        default=(1 << 20, 8 << 20),
        min_length=1,
        description="Sizes of the messages; the largest is the one that is shown",
        examples=["64k,1m,8m"],
        json_schema_extra={"type": ["string", "array"]},
    )
    timeout_s: Timeout = Field(default=600.0, description="End the job after this many seconds")
