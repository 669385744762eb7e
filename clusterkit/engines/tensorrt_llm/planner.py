"""Refuse what would only fail later, with every reason and what would fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.version import Version

from clusterkit.engines.engine_build import EngineBuild
from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.tensorrt_llm.fits import (
    Split,
    divides,
    gpus_of,
    memory_verdict,
    number_verdict,
)
from clusterkit.engines.tensorrt_llm.hazards import hazards
from clusterkit.engines.tensorrt_llm.memory import rank_weights
from clusterkit.engines.tensorrt_llm.serve import has_own_views, serve_refusals
from clusterkit.errors import DoesNotFit
from clusterkit.facts import ModelFolder, NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.mistakes import any_of
from clusterkit.model.models import ModelShape
from clusterkit.model.node_sets import fold
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.payloads.model_folder import shape_from
from clusterkit.placement import Placement, place_stages, slots_of_each
from clusterkit.quantities import gib

_HOST_COPIES = 2
"""A rank is built from its weights in the host's memory, and the engine is written from there."""


def check_build(
    settings: TensorRtLlmSettings,
    version: Version,
    cluster: Cluster,
    facts: Mapping[str, NodeFacts],
    model: ModelFolder,
    build: EngineBuild,
) -> tuple[str, ...]:
    """What to warn of before an engine is built; nodes without facts are not judged by them.

    Raises:
        DoesNotFit: With one line for each problem, and what would fit.
    """
    family = build.key.get("family")
    known = settings.model_copy(update={"family": settings.family or family})
    shape = shape_of(model)
    problems, warnings = _judge(known, version, shape, cluster, facts)
    if shape:
        builder = facts.get(cluster.head.name)
        warnings += _host_memory(known, shape, cluster.head.name, builder)
        warnings += _context(known, shape)
    if problems:
        raise DoesNotFit("\n".join(problems))
    return tuple(warnings)


def check_run(
    settings: TensorRtLlmSettings,
    version: Version,
    request: GenerateRequest,
    shape: ModelShape,
    cluster: Cluster,
    facts: Mapping[str, NodeFacts],
) -> None:
    """Judge one run of an engine that is there.

    Raises:
        DoesNotFit: With one line for each problem, and what would fit.
    """
    problems, _ = _judge(settings, version, shape, cluster, facts)
    problems += _request(settings, request)
    if problems:
        raise DoesNotFit("\n".join(problems))


def check_serve(
    settings: TensorRtLlmSettings,
    version: Version,
    shape: ModelShape | None,
    cluster: Cluster,
    facts: Mapping[str, NodeFacts],
) -> tuple[str, ...]:
    """What to warn of before it is served; ``shape`` None: nobody has looked at the model.

    Raises:
        DoesNotFit: With one line for each problem, and what would fit.
    """
    problems, warnings = _judge(settings, version, shape, cluster, facts)
    problems = [*serve_refusals(settings, version), *problems]
    if not problems and _lacks_one_path(settings, version, cluster):
        problems.append(
            "this engine needs a config.json of each node's own at one path on all of them, and "
            "clusterkit's folders on these machines have different paths. Fix: `runtime: docker`; "
            "or as many `slots` on every node (up to 1.1); or `backend: pytorch` (from 1.0)"
        )
    if problems:
        raise DoesNotFit("\n".join(problems))
    return tuple(warnings)


def _lacks_one_path(settings: TensorRtLlmSettings, version: Version, cluster: Cluster) -> bool:
    """Rank 0 of a server tells all others its own path of the engine."""
    placement = place_stages(cluster, tp=settings.tp, pp=settings.pp)
    homes = {cluster.home_of(name) for name in placement.nodes}
    return len(homes) > 1 and has_own_views(settings, version, placement)


def shape_of(model: ModelFolder) -> ModelShape | None:
    """What its config.json tells; None where that is not enough to judge it by."""
    row: dict[str, Any] = shape_from(dict(model.config))
    if not all(row[name] for name in ("heads", "kv_heads", "layers", "hidden", "vocab")):
        return None
    stored = sum(
        size
        for name, size in model.files.items()
        if name.endswith((".safetensors", ".bin")) and "/" not in name
    )
    wide = "32" in str(model.config.get("torch_dtype") or model.config.get("dtype"))
    parameters = model.parameters or stored // (4 if wide else 2)
    return ModelShape.of(row | {"parameters": parameters, "max_context": row["max_context"] or 0})


def _judge(
    settings: TensorRtLlmSettings,
    version: Version,
    shape: ModelShape | None,
    cluster: Cluster,
    facts: Mapping[str, NodeFacts],
) -> tuple[list[str], list[str]]:
    """Problems and warnings that a build and a run have in common."""
    problems = list(_heads(settings, shape)) if shape else []
    if settings.world_size > cluster.slots:
        return [*problems, _too_many_ranks(settings, cluster)], []
    placement = place_stages(cluster, tp=settings.tp, pp=settings.pp)
    layers = shape.layers if shape else None
    found, warnings = hazards(
        settings, version, placement, _environment(cluster, placement), layers=layers
    )
    divided = not problems and (not layers or settings.pp <= layers)
    problems += found
    problems += number_verdict(settings, placement, facts)
    problems += _few_gpus(cluster, placement, facts)
    if shape and divided:  # the estimate of a split that cannot be says nothing
        split = Split(shape, settings, version, cluster.slots)
        of_memory = memory_verdict(split, placement, facts)
        problems += of_memory[0]
        warnings += of_memory[1]
    for is_certain, text in _unlike(placement, facts):
        (problems if is_certain else warnings).append(text)
    return problems, warnings


def _heads(settings: TensorRtLlmSettings, shape: ModelShape) -> Iterator[str]:
    tp, pp = settings.tp, settings.pp
    if not divides(shape, tp):
        fitting = [str(size) for size in range(1, shape.heads + 1) if divides(shape, size)]
        yield (
            f"engine.tp: {tp} does not suit {shape.heads} attention heads and {shape.kv_heads} KV "
            f"heads of {settings.model}. Fix: `tp` {any_of(fitting)}"
        )
    if pp > shape.layers:
        yield (
            f"engine.pp: {pp} stages are more than the {shape.layers} layers of "
            f"{settings.model}. Fix: `pp` {shape.layers} or less"
        )


def _too_many_ranks(settings: TensorRtLlmSettings, cluster: Cluster) -> str:
    return (
        f"tp {settings.tp} x pp {settings.pp} needs {settings.world_size} ranks, each on a GPU of "
        f"its own; cluster {cluster.name} has {cluster.slots} slots ({slots_of_each(cluster)}). "
        f"Fix: a tp x pp of at most {cluster.slots}, or more nodes or `slots`"
    )


def _few_gpus(
    cluster: Cluster, placement: Placement, facts: Mapping[str, NodeFacts]
) -> Iterator[str]:
    """Where the inventory names no GPUs, those that the node shows must suffice."""
    for name, ranks in placement.by_node:
        seen = len(facts[name].gpus) if name in facts else 0
        if seen and not cluster.node(name).gpus and len(ranks) > seen:
            yield (
                f"{name}: {len(ranks)} ranks want a GPU each, and it shows {seen}. "
                f"Fix: `slots: {seen}`, and name them as `gpus`"
            )


def _unlike(placement: Placement, facts: Mapping[str, NodeFacts]) -> Iterator[tuple[bool, str]]:
    """An engine runs on GPUs of the architecture that it was built on; True: certainly wrong."""
    models: dict[tuple[str, str], list[str]] = {}
    for name in placement.nodes:
        for gpu in gpus_of(placement, name, facts):
            nodes = models.setdefault((gpu.compute_capability or "", gpu.name), [])
            if gpu.name and name not in nodes:
                nodes.append(name)
    models = {gpu: nodes for gpu, nodes in models.items() if nodes}
    if len(models) < 2:
        return
    have = ", ".join(f"{gpu[1]} on {fold(nodes)}" for gpu, nodes in models.items())
    if len({capability for capability, _ in models}) > 1:
        yield (
            True,
            f"the GPUs are of several architectures: {have}; an engine runs on the one that "
            "it was built on. Fix: nodes with the same GPU, and the others out of the inventory",
        )
    else:
        yield (
            False,
            f"the GPUs differ: {have}; an engine is tuned for the one that it was built on. "
            "Fix: nodes with the same GPU",
        )


def _host_memory(
    settings: TensorRtLlmSettings, shape: ModelShape, name: str, facts: NodeFacts | None
) -> Iterator[str]:
    """The memory of the building node: warned of only, as it may have swap."""
    if facts is None or not facts.memory_bytes:
        return
    need = _HOST_COPIES * rank_weights(shape, settings)
    at_once = min(settings.workers or len(facts.gpus) or 1, settings.world_size)
    if need > facts.memory_bytes:
        yield (
            f"{name}: building a rank takes about {gib(need)} of the host's memory (its weights "
            f"twice), and the node has {gib(facts.memory_bytes)}. Fix, if it is killed: a node "
            "with more memory first in the inventory, or more `tp` or `pp`"
        )
    elif at_once * need > (facts.memory_available_bytes or facts.memory_bytes):
        fewer = ", or `workers: 1`" if at_once > 1 else ""
        yield (
            f"{name}: building {at_once} at once takes about {gib(at_once * need)} of the host's "
            f"memory, and {gib(facts.memory_available_bytes)} is available. "
            f"Fix, if it is killed: free some{fewer}"
        )


def _context(settings: TensorRtLlmSettings, shape: ModelShape) -> Iterator[str]:
    longest = settings.max_input_len + settings.max_output_len
    if 0 < shape.max_context < longest:
        yield (
            f"max_input_len and max_output_len are {longest} tokens together, and "
            f"{settings.model} was made for {shape.max_context}. Fix: lengths of at most "
            f"{shape.max_context} together"
        )


def _request(settings: TensorRtLlmSettings, request: GenerateRequest) -> Iterator[str]:
    """More than the engine was built for."""
    prompts = len(request.prompts)
    if prompts > settings.max_batch_size:
        yield (
            f"{prompts} prompts are more than the engine takes at once. Fix: at most "
            f"{settings.max_batch_size}, or `max_batch_size: {prompts}` and `clusterkit build`"
        )
    if request.max_tokens > settings.max_output_len:
        yield (
            f"max tokens is {request.max_tokens}, and the engine is built for answers of "
            f"{settings.max_output_len}. Fix: fewer `--max-tokens`, or `max_output_len: "
            f"{request.max_tokens}` and `clusterkit build`"
        )


def _environment(cluster: Cluster, placement: Placement) -> dict[str, Mapping[str, str]]:
    """What the inventory sets in each node that has ranks."""
    containers = {name: cluster.node(name).container for name in placement.nodes}
    return {name: container.env for name, container in containers.items() if container}
