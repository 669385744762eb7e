"""Short words for what tests compare: hosts as rows, notes as texts."""

from __future__ import annotations

from typing import Any

from clusterkit.model.imported.found import Found, FoundHost, Remarks
from clusterkit.model.ssh_nodes import Access


def rows(found: Found) -> list[tuple[str, dict[str, Any]]]:
    """Each host's name, and what is known of it."""
    return [(host.name, known(host)) for host in found.hosts]


def known(host: FoundHost) -> dict[str, Any]:
    """What the file says of a host, without its line."""
    own = {key: getattr(host, key) for key in ("host", "address", "slots")}
    access = {key: getattr(host.access, key) for key in Access.__dataclass_fields__}
    said = {key: value for key, value in {**own, **access}.items() if value is not None}
    return {**said, **({"gpus": host.gpus} if host.gpus else {})}


def mistakes(remarks: Remarks) -> list[str]:
    return [text for _, text in remarks.mistakes]
