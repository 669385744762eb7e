"""Find providers, engines and launchers by the name that the user writes.

Built-ins are import paths, so naming one imports only that one. A package adds its own with an
entry point, and needs nothing else::

    [project.entry-points."clusterkit.engines"]
    vllm = "my_package.vllm:Vllm"
"""

from __future__ import annotations

from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any

from clusterkit.errors import ClusterkitError, UsageError, did_you_mean

BUILT_IN = {
    "providers": {
        "docker": "clusterkit.providers.docker",
        "local": "clusterkit.providers.local",
        "ssh": "clusterkit.providers.ssh",
    },
    "engines": {
        "tensorrt-llm": "clusterkit.engines.tensorrt_llm:TensorRtLlm",
        "torch-tensorrt": "clusterkit.engines.torch_tensorrt:TorchTensorRt",
        "transformers": "clusterkit.engines.transformers:Transformers",
        "triton": "clusterkit.engines.triton:Triton",
    },
    "launchers": {
        "mpirun": "clusterkit.launchers.mpirun:Mpirun",
        "torchrun": "clusterkit.launchers.torchrun:Torchrun",
    },
}


def names(kind: str) -> list[str]:
    """Every name that :func:`find` accepts for ``kind``."""
    return sorted(_paths(kind))


def has(kind: str, name: str) -> bool:
    """Whether :func:`find` accepts ``name``; to look at what is installed takes 30 ms."""
    return name in BUILT_IN[kind] or name in _paths(kind)


def find(kind: str, name: str) -> Any:
    """Import what is called ``name``: a module of functions or a class, by the kind's habit."""
    if name in BUILT_IN[kind]:  # no plugin replaces it, so that none need be looked for
        return resolve_name(BUILT_IN[kind][name])
    paths = _paths(kind)
    if name not in paths:
        fix = did_you_mean(name, paths, otherwise=f"use one of {', '.join(sorted(paths))}")
        raise UsageError(f"no {_one(kind)} named `{name}`. Fix: {fix}")
    return resolve_name(paths[name])


def _paths(kind: str) -> dict[str, str]:
    """Merge plugins into the built-ins; a plugin may not silently replace one."""
    paths = dict(BUILT_IN[kind])
    for plugin in entry_points(group=f"clusterkit.{kind}"):
        if plugin.name in paths:
            raise ClusterkitError(
                f"{_one(kind)} `{plugin.name}` is defined by {paths[plugin.name]} and "
                f"{plugin.value}. Fix: uninstall one of them"
            )
        paths[plugin.name] = plugin.value
    return paths


def _one(kind: str) -> str:
    return kind.removesuffix("s")
