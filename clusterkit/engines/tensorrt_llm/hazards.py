"""What is known to break when a model is split over nodes, version by version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from packaging.version import Version

from clusterkit.engines.tensorrt_llm import versions
from clusterkit.engines.tensorrt_llm.families import CHATGLM
from clusterkit.engines.tensorrt_llm.flags import last_value
from clusterkit.engines.tensorrt_llm.gpus_per_node import gpus_per_node, is_pytorch, refusal
from clusterkit.engines.tensorrt_llm.layout import Layout
from clusterkit.engines.versions import since
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.placement import Placement
from clusterkit.quantities import counted

_ALL_REDUCE = "--use_custom_all_reduce"
_COUNTS_ONE_DEVICE = (0, 11)
"""A rank that sees a single GPU takes it, whatever its number (WorldConfig::mpi)."""


def hazards(
    settings: TensorRtLlmSettings,
    version: Version,
    placement: Placement,
    env: Mapping[str, Mapping[str, str]],
    *,
    layers: int | None = None,
) -> tuple[list[str], list[str]]:
    """Problems that end a run or hang it, and warnings; each says what and how to mend it.

    ``env`` is what the user gives to each node, by its name. ``layers`` are the model's, where
    they are known.
    """
    layout = Layout(placement, settings.tp)
    asked = refusal(settings, version, placement)
    problems = [asked] if asked else []
    warnings = [*_of_wheels(version)]
    if is_pytorch(settings, version):
        return [*problems, *_of_pytorch(version, layout)], warnings
    if version.is_devrelease and version.release[:2] == (0, 8):
        problems.append(
            f"TensorRT-LLM {version} refuses more ranks than a node has GPUs; only builds of "
            "those weeks did. Fix: 0.8.0 or newer"
        )
    problems += _of_shared_gpus(placement)
    problems += _of_all_reduce(settings, version, layout)
    problems += _of_peers(version, layout)
    if layers and layers % settings.pp and not since(version, versions.UNEVEN_STAGES):
        problems.append(
            f"engine.pp: {layers} layers do not divide into {settings.pp} stages, and "
            f"TensorRT-LLM {version} would leave out the last {layers % settings.pp}. "
            f"Fix: a `pp` that divides {layers}"
        )
    if not asked:
        warnings += _of_placement(settings, version, layout)
    masked_problems, masked_warnings = _of_masks(version, placement, env)
    return problems + masked_problems, warnings + masked_warnings


def _of_wheels(version: Version) -> Iterator[str]:
    if version.is_devrelease and version.release[:2] != (0, 8):
        yield (
            f"TensorRT-LLM {version} is a build between releases: what is known here is of "
            "releases. Fix: a release, if a run over nodes fails"
        )


def _of_pytorch(version: Version, layout: Layout) -> Iterator[str]:
    if version.release[:2] == (1, 0) and len(layout.per_node) > 1 and set(layout.per_node) == {1}:
        yield (
            f"TensorRT-LLM {version}: its PyTorch backend fails over nodes with one GPU each (a "
            "known issue of its release notes). Fix: 1.1.0 or newer, or `backend: tensorrt`"
        )


def _of_shared_gpus(placement: Placement) -> Iterator[str]:
    for node, ranks in placement.by_node:
        devices = [rank.device for rank in ranks if rank.device is not None]
        if len(set(devices)) < len(devices):
            shared = counted(len(set(devices)), "GPU")
            yield (
                f"{node}: {len(ranks)} ranks would share {shared}, and NCCL takes each once. "
                "Fix: as many `slots` as `gpus`"
            )


def _of_all_reduce(
    settings: TensorRtLlmSettings, version: Version, layout: Layout
) -> Iterator[str]:
    """Up to 0.11 it opens the memory of its peers, wherever they are."""
    is_gone = since(version, versions.CUSTOM_ALL_REDUCE_IS_CHOSEN)
    if (
        layout.straddling
        and not is_gone
        and last_value(settings.build_flags, _ALL_REDUCE) not in (None, "disable")
    ):
        yield (
            f"engine.build_flags: {_ALL_REDUCE} reaches no GPU of another node, and tensor "
            f"parallel groups lie on {_of(layout.straddling[0])}. Fix: leave it out"
        )


def _of_peers(version: Version, layout: Layout) -> Iterator[str]:
    """From 0.10 on, a rank takes its group for its node's own if that has room for the group."""
    if not since(version, versions.GPUS_PER_NODE_IN_CONFIG):
        return
    for nodes in layout.straddling:
        roomy = [node for node in nodes if layout.ranks_of(node) >= layout.tp]
        if roomy:
            yield (
                f"a tensor parallel group of {layout.tp} lies on {_of(nodes)}, and {roomy[0]} "
                f"with its {layout.ranks_of(roomy[0])} ranks would look for all of it among its "
                "own GPUs. Fix: `slots` that `tp` divides, on every node"
            )
            return


def _of_placement(
    settings: TensorRtLlmSettings, version: Version, layout: Layout
) -> Iterator[str]:
    if layout.straddling:
        fix = "`tp` of at most the GPUs of a node, and `pp` over the nodes"
        if settings.family in CHATGLM:
            fix = "GPUs of one node, as ChatGLM has no `pp`; or leave it so, if it is fast enough"
        yield (
            f"tensor parallel groups lie on {_of(layout.straddling[0])}: every layer waits for "
            f"the network twice. Fix: {fix}"
        )
    if settings.gpus_per_node == "off":
        automatic = settings.model_copy(update={"gpus_per_node": "auto"})
        needed = gpus_per_node(automatic, version, layout.placement)
        if needed.at_run != "none":
            yield (
                f"engine.gpus_per_node is off, and {needed.why}: ranks would ask for GPUs that "
                "their node does not have. Fix: `auto`, unless you mended it yourself"
            )


def _of_masks(
    version: Version, placement: Placement, env: Mapping[str, Mapping[str, str]]
) -> tuple[list[str], list[str]]:
    """Ranks must see all GPUs of their node; where GPUs are placed, the job sees to that."""
    problems: list[str] = []
    warnings: list[str] = []
    for node, ranks in placement.by_node:
        visible = env.get(node, {}).get("CUDA_VISIBLE_DEVICES")
        if visible is None:
            continue
        seen = len([name for name in visible.split(",") if name.strip()])
        if any(rank.device is not None for rank in ranks) or len(ranks) <= seen:
            continue
        text = (
            f"{node}: CUDA_VISIBLE_DEVICES={visible} shows {counted(seen, 'GPU')} to {len(ranks)} "
            "ranks. Fix: leave it out, and name the GPUs as `gpus` of the node"
        )
        if seen == 1 and since(version, _COUNTS_ONE_DEVICE):
            warnings.append(text)
        else:
            problems.append(text)
    return problems, warnings


def _of(nodes: Sequence[str]) -> str:
    *first, last = nodes
    return f"{', '.join(first)} and {last}" if first else last
