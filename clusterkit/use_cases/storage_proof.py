"""Prove on the nodes themselves that their storage is one."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence

from clusterkit.checks.same_storage import NotShared, StorageProof
from clusterkit.command import Command, Result
from clusterkit.executor import on_each
from clusterkit.model.cluster import Cluster
from clusterkit.transports.world import World


def not_sharing(
    cluster: Cluster, world: World, nodes: Sequence[str] | None = None
) -> tuple[NotShared, ...]:
    """The nodes among ``nodes`` (default: all) that do not share the head's storage.

    Three rounds: write, read, remove. A node that cannot be reached is left out.
    """
    names = [node.name for node in cluster.nodes] if nodes is None else list(nodes)
    head = cluster.head.name
    others = tuple(name for name in names if name != head)
    proof = StorageProof(cluster.storage.path, head, others, secrets.token_hex(8))
    try:
        written = _answers([head, *others], proof.write, world)
        read = _answers(written, proof.read, world)
    finally:
        _answers([head, *others], proof.remove, world)
    return proof.judge(written, read)


def _answers(
    nodes: Sequence[str] | Mapping[str, Result],
    command: Callable[[str], Command],
    world: World,
) -> dict[str, Result]:
    """What the nodes answered, without those that cannot be reached."""
    answers = on_each(nodes, lambda node: world.perform(node, command(node)), world.end_running)
    return {node: result for node, result in answers.items() if isinstance(result, Result)}
