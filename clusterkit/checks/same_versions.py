"""What must be the same on all nodes, or MPI and the engine fail in ways that are hard to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from clusterkit.errors import ClusterkitError
from clusterkit.facts import NodeFacts
from clusterkit.model.node_sets import fold


def check_same_versions(facts: Mapping[str, NodeFacts]) -> None:
    """Compare Open MPI's version and the engine's packages over the nodes.

    Raises:
        ClusterkitError: With one line for each thing that differs.
    """
    lines = [
        line
        for what, version_of in (
            ("Open MPI", lambda node: node.mpi_version),
            ("torch", lambda node: node.packages.get("torch")),
            ("transformers", lambda node: node.packages.get("transformers")),
            ("TensorRT-LLM", lambda node: node.packages.get("tensorrt_llm")),
            ("Torch-TensorRT", lambda node: node.packages.get("torch_tensorrt")),
            ("TensorRT", lambda node: node.packages.get("tensorrt")),
        )
        if (line := _difference(what, facts, version_of))
    ]
    if lines:
        raise ClusterkitError("\n".join(lines))


def _difference(
    what: str, facts: Mapping[str, NodeFacts], version_of: Callable[[NodeFacts], str | None]
) -> str | None:
    nodes: dict[str | None, list[str]] = {}
    for name, node in facts.items():
        nodes.setdefault(version_of(node), []).append(name)
    if len(nodes) <= 1:
        return None
    have = ", ".join(f"{version or 'none'} on {fold(names)}" for version, names in nodes.items())
    return f"{what} differs: {have}. Fix: give all nodes the same image, or install one version"
