"""Check an inventory, and say what it means."""

from __future__ import annotations

from pathlib import Path

from clusterkit.model.cluster import Cluster, Storage
from clusterkit.model.load import load_inventory
from clusterkit.results.check import CheckedNode, CheckResult, EngineSummary
from clusterkit.use_cases.resolve import resolve


def check(file: Path) -> CheckResult:
    """Load one inventory and resolve it.

    Raises:
        FileMistakes: With every mistake in the file.
    """
    return checked(resolve(load_inventory(file), file))


def checked(cluster: Cluster) -> CheckResult:
    """A resolved cluster, typed for people and programs."""
    engine = cluster.engine
    return CheckResult(
        cluster=cluster.name,
        provider=cluster.provider,
        subnet=cluster.subnet,
        storage=_storage(cluster.storage),
        engine=EngineSummary(
            name=engine.name,
            model=engine.model,
            tp=engine.tp,
            pp=engine.pp,
            dp=engine.split.get("dp", 1),
            dtype=engine.dtype,
        ),
        nodes=tuple(
            CheckedNode(
                name=node.name,
                host=str(node.machine) if node.machine else None,
                address=node.address,
                slots=node.slots,
                gpus=node.gpus,
                image=node.container.image if node.container else None,
                python=node.python,
                is_spare=node.standing == "spare",
            )
            for node in cluster.nodes
        ),
        slots=cluster.slots,
    )


def _storage(storage: Storage) -> str:
    match storage.kind:
        case "bind" if storage.source:
            return f"the folder {storage.source}, at {storage.path} on every node"
        case "bind":
            return f"{storage.path}, which the machines share already"
        case "nfs":
            return f"{storage.source}, mounted at {storage.path} on every node"
        case "sync":
            return f"{storage.path}, a copy on each node"
        case "volume":
            return f"a volume of the cluster, at {storage.path} on every node"
        case _:
            return storage.path
