"""Have all nodes the same driver and the same kind of GPU? Engines are built for one kind."""

from __future__ import annotations

from clusterkit.checks.doctor.finding import Finding, same
from clusterkit.checks.doctor.seen import Seen
from clusterkit.facts import Gpu

LOOKS_AT = "GPU model and driver"
_MODEL = "take nodes with one kind of GPU for one cluster, or name the GPUs in `gpus`"
_DRIVER = "install one version of the NVIDIA driver on all nodes"


def find(seen: Seen) -> list[Finding]:
    """Only the GPUs that the inventory gives to a node are compared."""
    used = {
        node.name: [gpu for gpu in _gpus(seen, node.name) if gpu.index in node.devices]
        for node in seen.answering
        if node.gpus
    }
    used = {name: gpus for name, gpus in used.items() if gpus}
    if not used:
        return [Finding("skip", seen.names, "no GPU is used")]
    models = same({name: _names(gpus) for name, gpus in used.items()}, "model", fix=_MODEL)
    drivers = same({name: _drivers(gpus) for name, gpus in used.items()}, "driver", fix=_DRIVER)
    odd = [found for found in (*models, *drivers) if found.state == "fail"]
    if odd:
        return odd
    return [Finding("pass", tuple(used), f"{models[0].seen}, driver {drivers[0].seen}")]


def _gpus(seen: Seen, name: str) -> tuple[Gpu, ...]:
    machine, facts = seen.machines.get(name), seen.facts.get(name)
    return (machine.gpus if machine else ()) or (facts.gpus if facts else ())


def _names(gpus: list[Gpu]) -> str:
    return ", ".join(sorted({gpu.name for gpu in gpus}))


def _drivers(gpus: list[Gpu]) -> str:
    return ", ".join(sorted({gpu.driver_version or "unknown" for gpu in gpus}))
