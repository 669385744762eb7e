"""What the last ``up`` of a cluster saw on its nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from clusterkit.facts import NodeFacts
from clusterkit.state.files import write
from clusterkit.tasks.node_facts import read_facts


@dataclass(frozen=True, slots=True)
class SeenFacts:
    """Node -> facts, and the folder of the payloads that the nodes got."""

    payloads: str
    nodes: Mapping[str, NodeFacts]


def facts_file(folder: Path) -> Path:
    """Where they are kept."""
    return folder / "facts.json"


def save_facts(folder: Path, seen: SeenFacts) -> None:
    """Keep what does not change from one verb to the next."""
    nodes = {name: asdict(node) for name, node in seen.nodes.items()}
    content = json.dumps({"payloads": seen.payloads, "nodes": nodes}, indent=2)
    write(facts_file(folder), content.encode())


def load_facts(folder: Path) -> SeenFacts | None:
    """What was kept; None where there is nothing that this version can read."""
    try:
        kept = json.loads(facts_file(folder).read_bytes())
        nodes = {name: read_facts(node) for name, node in kept["nodes"].items()}
        return SeenFacts(kept["payloads"], nodes)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
