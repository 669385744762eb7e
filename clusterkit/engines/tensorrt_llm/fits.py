"""Whether each rank's part of an engine fits its GPU, and what would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.version import Version

from clusterkit.engines.tensorrt_llm.memory import Need, need_of, usable
from clusterkit.facts import Gpu, NodeFacts
from clusterkit.model.models import ModelShape
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.placement import Placement
from clusterkit.quantities import gib

TIGHT = 0.85
"""The part of a GPU's memory above which a run is warned of: estimates are not that exact."""

_FP8_SINCE, _BFLOAT16_SINCE = (8, 9), (8, 0)
_PROPOSALS = 3


@dataclass(frozen=True, slots=True)
class Split:
    """A model, and how it is to be split. ``slots`` are those of the whole cluster."""

    shape: ModelShape
    settings: TensorRtLlmSettings
    version: Version
    slots: int

    @property
    def need(self) -> Need:
        """What the largest rank needs."""
        return need_of(self.shape, self.settings, self.version)

    def but(self, **changed: Any) -> Split:
        """The same with other settings."""
        settings = self.settings.model_copy(update=changed)
        return Split(self.shape, settings, self.version, self.slots)


def memory_verdict(
    split: Split, placement: Placement, facts: Mapping[str, NodeFacts]
) -> tuple[list[str], list[str]]:
    """Problems and warnings about the smallest GPU; none where no GPU's memory is known."""
    seen = [
        (gpu.memory_bytes, name, gpu)
        for name in placement.nodes
        for gpu in gpus_of(placement, name, facts)
        if gpu.memory_bytes
    ]
    if not seen:
        return [], []
    memory, name, gpu = min(seen, key=lambda row: row[:2])
    need = split.need
    has = f"{name}'s {gpu.name or 'GPU'} has {gib(memory)}"
    if need.bytes > usable(memory):
        text = (
            f"{_called(split.settings)}: a rank needs about {gib(need.bytes)} ({need}), and "
            f"{has}, of which {gib(usable(memory))} can be used. "
            f"Fix: {what_fits(split, memory, gpu)}"
        )
        return [text], []
    if need.bytes > TIGHT * memory:
        text = (
            f"{_called(split.settings)} fits barely: a rank needs about {gib(need.bytes)} "
            f"({need}), and {has}. Fix, if it runs out of memory: "
            f"{what_fits(split, int(memory * TIGHT), gpu)}"
        )
        return [], [text]
    return [], []


def number_verdict(
    settings: TensorRtLlmSettings,
    placement: Placement,
    facts: Mapping[str, NodeFacts],
) -> Iterator[str]:
    """Number formats that a GPU does not know, which its engine's kernels are written in."""
    for name in placement.nodes:
        for gpu in gpus_of(placement, name, facts)[:1]:
            knows = _capability(gpu)
            if not knows:
                continue
            what = f"{name}: its {gpu.name} (compute capability {gpu.compute_capability})"
            if settings.quantization == "fp8" and knows < _FP8_SINCE:
                yield (
                    f"{what} has no fp8, which begins with 8.9 (Ada, Hopper). "
                    "Fix: `quantization: int8` or int4-awq"
                )
            if settings.dtype == "bfloat16" and knows < _BFLOAT16_SINCE:
                yield (
                    f"{what} has no bfloat16, which begins with 8.0 (Ampere). "
                    "Fix: `dtype: float16`"
                )


def gpus_of(placement: Placement, name: str, facts: Mapping[str, NodeFacts]) -> list[Gpu]:
    """The GPUs of a node that its ranks use, as they were seen; all where none are placed."""
    if name not in facts:
        return []
    placed = {rank.device for rank in placement.ranks if rank.node == name} - {None}
    return [gpu for gpu in facts[name].gpus if not placed or gpu.index in placed]


def what_fits(split: Split, memory: int, gpu: Gpu | None = None) -> str:
    """The first few changes that fit into ``memory``, the one that keeps most first."""
    fitting = [
        f"{words} (about {gib(other.need.bytes)})"
        for words, other in _changes(split, gpu)
        if other.need.bytes <= usable(memory) and other.need.bytes < split.need.bytes
    ]
    return ", or ".join(fitting[:_PROPOSALS]) or "a smaller model, or GPUs with more memory"


def _changes(split: Split, gpu: Gpu | None) -> Iterator[tuple[str, Split]]:
    """What may be changed: numbers, then the split, then how much is asked at once."""
    settings = split.settings
    knows = (_capability(gpu) if gpu else ()) or _FP8_SINCE
    if settings.quantization == "none":
        if knows >= _FP8_SINCE:
            yield "`quantization: fp8`", split.but(quantization="fp8")
        else:
            yield "`quantization: int8`", split.but(quantization="int8")
    for tp, pp in _splits(split):
        more = "" if tp * pp <= split.slots else f" over {tp * pp} GPUs"
        yield f"`tp: {tp}` with `pp: {pp}`{more}", split.but(tp=tp, pp=pp)
        if more:
            break
    batch = settings.max_batch_size
    while batch > 1:
        batch //= 2
        smaller = split.but(max_batch_size=batch)
        yield f"`max_batch_size: {batch}`", smaller
    if settings.quantization != "int4-awq":
        yield "`quantization: int4-awq`", split.but(quantization="int4-awq")
    half = split.but(
        max_batch_size=1,
        max_input_len=max(1, settings.max_input_len // 2),
        max_output_len=max(1, settings.max_output_len // 2),
    )
    yield "`max_batch_size: 1` with half the lengths", half


def _splits(split: Split) -> Iterator[tuple[int, int]]:
    """Other ways to split it: over as many GPUs, over all slots, then over twice as many."""
    ranks = split.settings.world_size
    for total in dict.fromkeys((ranks, split.slots, 2 * ranks, 4 * ranks)):
        if total < ranks:
            continue
        for tp in range(total, 0, -1):
            pp = total // tp
            is_new = (tp, pp) != (split.settings.tp, split.settings.pp)
            is_even = divides(split.shape, tp) and split.shape.layers % pp == 0
            if tp * pp == total and is_new and is_even:
                yield tp, pp
                break


def divides(shape: ModelShape, tp: int) -> bool:
    """Whether a tensor parallel size suits the heads: KV heads may be fewer, then they repeat."""
    return shape.heads % tp == 0 and (shape.kv_heads % tp == 0 or tp % shape.kv_heads == 0)


def _capability(gpu: Gpu) -> tuple[int, ...]:
    parts = (gpu.compute_capability or "").split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def _called(settings: TensorRtLlmSettings) -> str:
    numbers = {"none": settings.dtype.replace("auto", "float16")}
    what = numbers.get(settings.quantization, settings.quantization)
    return f"{settings.model} in {what} with tp {settings.tp} and pp {settings.pp}"
