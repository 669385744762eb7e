"""Results as JSON: the keys in the order of the schema, two spaces of indent, UTF-8."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clusterkit.model.base import Model


def as_json(result: Model) -> str:
    """``result`` as it stays stable for programs; every key is there, also where it is null."""
    return result.model_dump_json(indent=2)
