"""Will an official example of Torch-TensorRT run in these places, as it is written?

Its own text and the modules that it imports tell what a version of it needs or gets wrong, so that
no table of versions must be right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clusterkit.checks.official_examples.example import MODULES, Example, is_official
from clusterkit.checks.official_examples.files import PLUGIN, ROOT_FILE, lost_output, missing_files
from clusterkit.checks.official_examples.packages import (
    hub_models,
    missing_packages,
    unbound,
    wanted_packages,
)
from clusterkit.checks.official_examples.places import (
    gpus_missing,
    launcher_missing,
    several_nodes,
)
from clusterkit.checks.official_examples.reading import Reading, imported, read
from clusterkit.checks.official_examples.sizes import world_size
from clusterkit.facts import NodeFacts
from clusterkit.placement import Placement

__all__ = [
    "MODULES",
    "PLUGIN",
    "ROOT_FILE",
    "Example",
    "Judged",
    "Reading",
    "imported",
    "is_official",
    "judge",
    "read",
    "wanted_packages",
]


@dataclass(frozen=True, slots=True)
class Judged:
    """``problems`` let it fail for certain; ``warnings`` are what may surprise. Each has a fix."""

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def judge(
    example: Example,
    reading: Reading,
    *,
    placement: Placement,
    launcher: str,
    facts: Mapping[str, NodeFacts] | None,
) -> Judged:
    """Hold what the example does against its places; ``facts`` None: nothing was looked at."""
    several = {node: facts[node] for node in placement.nodes} if facts is not None else {}
    problems = [
        *missing_files(example, reading),
        *unbound(reading),
        *missing_packages(reading, several),
        *several_nodes(example, reading, placement),
        *launcher_missing(reading, placement, launcher),
        *gpus_missing(reading, placement, several),
        *world_size(reading, placement),
    ]
    warnings = [*lost_output(example, reading), *hub_models(reading)]
    return Judged(tuple(problems), tuple(warnings))
