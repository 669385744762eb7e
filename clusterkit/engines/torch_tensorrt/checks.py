"""Everything that would only fail once all ranks run, found in settings and facts before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from packaging.version import Version

from clusterkit.checks.fit import (
    Workload,
    different_versions,
    fit_problems,
    package_problems,
    used_nodes,
)
from clusterkit.engines.torch_tensorrt.collectives import (
    collective_problems,
    node_collective_problems,
)
from clusterkit.engines.torch_tensorrt.known_settings import TENSORRT_OF
from clusterkit.engines.torch_tensorrt.options import option_problems
from clusterkit.engines.torch_tensorrt.versions import SPLIT_MODELS, TORCH_TENSORRT
from clusterkit.engines.versions import in_words, since
from clusterkit.errors import DoesNotFit
from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.models import ModelShape
from clusterkit.model.torch_tensorrt import TorchTensorRtSettings

Facts = Mapping[str, NodeFacts]

_OR_INDUCTOR = "or `backend: inductor`, which needs no TensorRT"


def check_run(
    settings: TorchTensorRtSettings,
    shape: ModelShape | None,
    cluster: Cluster,
    facts: Facts,
    *,
    max_tokens: int = 0,
    prompt_bytes: int = 0,
) -> None:
    """Refuse what cannot run; without ``shape``, as far as that is known before the model is.

    Raises:
        DoesNotFit: With one line for each problem.
    """
    used = used_nodes(settings, cluster)
    found = list(_settings_problems(settings))
    if shape is not None:
        copies = 2 if settings.backend == "torch_tensorrt" else 1  # PyTorch's, and the engines'
        job = Workload(
            settings.model,
            shape,
            settings,
            max_tokens,
            prompt_bytes,
            has_kv_cache=False,
            weights=copies,
        )
        found += fit_problems(job, cluster, facts)
    seen = {name: facts[name] for name in used if name in facts}
    found += package_problems(seen)
    for name in used:
        found += _node_problems(settings, cluster.node(name), facts.get(name))
    found += different_versions("torch_tensorrt", seen)
    if found:
        raise DoesNotFit("\n".join(dict.fromkeys(found)))


def _settings_problems(settings: TorchTensorRtSettings) -> Iterator[str]:
    """What is wrong whatever the nodes have."""
    if settings.pp > 1:
        yield (
            f"pp={settings.pp}: engine {settings.name} does not split layers. Fix: use tp, or dp "
            "for more replicas"
        )
    if settings.backend != "torch_tensorrt" or settings.version is None:
        return
    version = TORCH_TENSORRT.parse(settings.version)
    if settings.tp > 1 and not since(version, SPLIT_MODELS):
        yield (
            f"tp={settings.tp}: torch_tensorrt {version} cannot compile a model that is split; "
            f"{in_words(SPLIT_MODELS)} can. Fix: tp 1 with dp, a newer one, {_OR_INDUCTOR}"
        )
    yield from option_problems(settings, version)
    if settings.tp > 1:
        yield from collective_problems(settings, version)


def _node_problems(
    settings: TorchTensorRtSettings, node: Node, facts: NodeFacts | None
) -> Iterator[str]:
    if settings.backend == "inductor" and not node.gpus and facts and facts.cxx is None:
        yield (
            f"{node.name}: there is no C++ compiler, which `backend: inductor` runs on a CPU. "
            "Fix: g++ there (or CXX in its environment), or `backend: eager`"
        )
    if settings.backend != "torch_tensorrt":
        return
    if not node.gpus:
        yield (
            f"{node.name}: torch_tensorrt compiles for NVIDIA GPUs, and the node has none. Fix: "
            f"`gpus` in the inventory, {_OR_INDUCTOR}"
        )
    if facts is not None:
        yield from _lacks(settings, node.name, facts)


def _lacks(settings: TorchTensorRtSettings, node: str, facts: NodeFacts) -> Iterator[str]:
    """What of TensorRT a node does not have, or not in the versions that go together."""
    missing = [name for name in ("torch_tensorrt", "tensorrt") if name not in facts.packages]
    if missing:
        yield (
            f"{node}: {facts.python} has no {' and no '.join(missing)}. Fix: `{facts.python} -m "
            f"pip install torch-tensorrt`, {_OR_INDUCTOR}"
        )
    if "torch_tensorrt" in missing:
        return
    version = Version(facts.packages["torch_tensorrt"])
    torch = facts.packages.get("torch")
    if torch and Version(torch).release[:2] != version.release[:2]:
        yield (
            f"{node}: torch_tensorrt {version} is for PyTorch {_minor(version)}, and {torch} is "
            f"there. Fix: `{facts.python} -m pip install torch-tensorrt=={_minor(Version(torch))}`"
        )
    wanted, has = TENSORRT_OF.get((version.major, version.minor)), facts.packages.get("tensorrt")
    if wanted and has and Version(has).major != wanted[0]:
        yield (
            f"{node}: torch_tensorrt {version} is built for TensorRT {in_words(wanted)}, and "
            f"{has} is there. Fix: `{facts.python} -m pip install torch-tensorrt=={version}`"
        )
    if settings.tp > 1:
        yield from node_collective_problems(settings, version, node, facts)


def _minor(version: Version) -> str:
    return ".".join(map(str, version.release[:2])) + ".*"
