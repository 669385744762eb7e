"""What a dry run takes for facts: what the inventory says, and what our own images have."""

from __future__ import annotations

from clusterkit.facts import Gpu, NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.container import IMAGE_PYTHON
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.model.torch_tensorrt import TorchTensorRtSettings

_MPI_VERSION = "5.0.11"


def planned_facts(cluster: Cluster) -> dict[str, NodeFacts]:
    """Each node as ``images/node.Dockerfile`` makes it; nothing is looked at."""
    packages = _packages(cluster)
    found = {}
    for node in cluster.nodes:
        python = node.python or IMAGE_PYTHON
        folder, slash, _ = python.rpartition("/")
        found[node.name] = NodeFacts(
            hostname=node.name,
            cores=node.slots,
            memory_bytes=0,
            memory_available_bytes=0,
            python=python,
            python_version="",
            mpirun=f"{folder}{slash}mpirun",
            mpi_version=_MPI_VERSION,
            packages=packages,
            gpus=tuple(Gpu(index, "", "", 0) for index in node.devices),
        )
    return found


def _packages(cluster: Cluster) -> dict[str, str]:
    """The engine's own, where the inventory says its version."""
    settings = cluster.engine
    match settings:
        case TensorRtLlmSettings(version=str(version)):
            return {"tensorrt_llm": version}
        case TorchTensorRtSettings(version=str(version)):
            return {"torch_tensorrt": version}
    return {}
