"""How engines are built: every family, version, split, layout and quantization, whole lines.

The lines are in ``trtllm_build/FAMILY.txt``: after a change that is meant, write them anew with
``CLUSTERKIT_WRITE_GOLDEN=1`` and read the difference. Each is judged by the vendor's parsers.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest
from packaging.version import Version

from clusterkit.engines.engine_build import EngineBuild
from clusterkit.engines.tensorrt_llm.building import engine_build
from clusterkit.errors import UsageError
from clusterkit.facts import Gpu, NodeFacts
from clusterkit.model.tensorrt_llm import Family, Quantization, TensorRtLlmSettings
from clusterkit.placement import Placement, Rank
from tests.golden.golden import on_file
from tests.golden.vendor_parsers import judge

HERE = Path(__file__).parent
EXAMPLES = "/app/tensorrt_llm/examples"
VERSIONS = (
    *("0.5.0", "0.6.0", "0.6.1", "0.7.0", "0.7.1", "0.8.0", "0.9.0", "0.10.0", "0.11.0"),
    *("0.12.0", "0.13.0", "0.14.0", "0.15.0", "0.16.0", "0.17.0", "0.18.0", "0.19.0", "0.20.0"),
    *("1.0.0", "1.1.0", "1.2.0", "1.2.1", "1.3.0rc0", "1.3.0rc3", "1.3.0rc20"),
)
FAMILIES: tuple[Family, ...] = get_args(Family)
QUANTIZATIONS: tuple[Quantization, ...] = get_args(Quantization)
SPLITS = ((1, 1), (2, 1), (1, 2), (2, 2))
LAYOUTS = {1: ((1,),), 2: ((2,), (1, 1)), 4: ((4,), (2, 2), (1, 1, 1, 1), (1, 3))}
MODELS: dict[Family, str] = {
    "llama": "/models/llama-70b",
    "chatglm2": "/models/chatglm2-6b",
    "chatglm3": "/models/chatglm3-6b",
    "gpt2": "/models/gpt2",
    "qwen": "/models/qwen-7b",
    "mixtral": "/models/mixtral-8x7b",
}
TOLD = (  # release notes and sources: the flag is there from, and gone from
    ("--max_output_len", None, "0.12.0"),
    ("--max_seq_len", "0.11.0", None),
    ("--use_custom_all_reduce", "0.8.0", "0.12.0"),
    ("--gpus_per_node", "0.9.0", "1.2.0"),
    ("--output_timing_cache", "0.9.0", None),
    ("--gpt_attention_plugin", "0.8.0", None),
    ("--strongly_typed", "0.8.0", "0.11.0"),
)


@dataclass(frozen=True)
class Case:
    family: Family
    version: str
    quantization: Quantization
    tp: int
    pp: int
    layout: tuple[int, ...]

    def build(self) -> EngineBuild:
        settings = TensorRtLlmSettings(
            name="tensorrt-llm",
            model=MODELS[self.family],
            family=self.family,
            tp=self.tp,
            pp=self.pp,
            quantization=self.quantization,
        )
        return engine_build(
            settings, Version(self.version), placed(self.layout), node(self.layout[0]), None
        )

    def __str__(self) -> str:
        nodes = "+".join(map(str, self.layout))
        return f"{self.quantization}, tp {self.tp} pp {self.pp}, GPUs of nodes {nodes}"


def placed(layout: tuple[int, ...]) -> Placement:
    places = [(number, gpu) for number, gpus in enumerate(layout, 1) for gpu in range(gpus)]
    ranks = [Rank(rank, f"node{at}", gpu, gpu) for rank, (at, gpu) in enumerate(places)]
    return Placement(tuple(ranks))


def node(gpus: int) -> NodeFacts:
    seen = tuple(Gpu(index, f"GPU-{index}", "NVIDIA H100", 80 * 10**9) for index in range(gpus))
    return NodeFacts("node1", 8, 10**12, 10**12, "python3", "3.10.12", gpus=seen)


def cases(family: Family) -> list[Case]:
    return [
        Case(family, version, quantization, tp, pp, layout)
        for quantization, (tp, pp), version in product(QUANTIZATIONS, SPLITS, VERSIONS)
        for layout in LAYOUTS[tp * pp]
    ]


@cache
def built(case: Case) -> EngineBuild | str:
    try:
        return case.build()
    except UsageError as error:
        return str(error)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_lines_are_these(family: Family) -> None:
    text = in_text(family)
    assert text == on_file(HERE / "trtllm_build" / f"{family}.txt", text)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_vendors_parsers_take_every_line(family: Family) -> None:
    judged = 0
    for case in cases(family):
        found = built(case)
        for stage in found.stages if isinstance(found, EngineBuild) else ():
            program = judge(Version(case.version), stage.argv, examples=EXAMPLES)
            judged += 1
            assert stage.argv[0] in ("python3", "trtllm-build"), case
            if program == "trtllm-build":
                require_told(case, stage.argv)
    assert judged > 300


OTHERS: tuple[dict[str, Any], ...] = (
    {"dtype": "bfloat16"},
    {"dtype": "float32"},
    {"model": "/models/six", "workers": 2},
    {"max_input_len": 20_000, "max_batch_size": 1},
    {"quantization": "fp8", "quantized_weights": "/models/fp8.npz"},
    {"quantization": "int4-awq", "quantized_weights": "/models/awq.npz"},
    {"build_flags": ("--max_beam_width", "4"), "convert_flags": ("--tp_size", "2")},
)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_vendors_parsers_take_lines_of_other_settings(family: Family, version: str) -> None:
    judged = 0
    for other in OTHERS:
        given = {"family": family, "model": MODELS[family]} | other
        settings = TensorRtLlmSettings(name="tensorrt-llm", **given)
        try:
            found = engine_build(settings, Version(version), placed((1,)), node(1), None)
        except UsageError as error:
            assert ". Fix: " in str(error)  # noqa: PT017 - either is right
            continue
        for stage in found.stages:
            judge(Version(version), stage.argv, examples=EXAMPLES)
            judged += 1
    assert judged or "has no" in str(built(Case(family, version, "none", 1, 1, (1,))))


def require_told(case: Case, argv: tuple[str, ...]) -> None:
    release = Version(case.version).release
    for flag, since, gone in TOLD:
        if flag in argv:
            assert since is None or release >= Version(since).release, (case, flag)
            assert gone is None or release < Version(gone).release, (case, flag)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_rank_has_its_own_files_and_none_is_named_twice(family: Family) -> None:
    for case in cases(family):
        found = built(case)
        if isinstance(found, EngineBuild):
            names = [name for files in found.rank_files for name in files]
            assert len(found.rank_files) == case.tp * case.pp == len(set(names)), case


@pytest.mark.parametrize("family", FAMILIES)
def test_what_cannot_be_built_says_why_and_what_can(family: Family) -> None:
    for case in cases(family):
        found = built(case)
        for line in found.splitlines() if isinstance(found, str) else ():
            assert line.startswith("engine."), case
            assert ". Fix: " in line, case


def in_text(family: Family) -> str:
    """Blocks of lines, each headed by all the cases that have it."""
    blocks: dict[str, dict[str, list[str]]] = {}
    for case in cases(family):
        headings = blocks.setdefault(shown(case), {})
        headings.setdefault(str(case), []).append(case.version)
    texts = []
    for lines, headings in blocks.items():
        heads = [f"# {heading}: {' '.join(versions)}" for heading, versions in headings.items()]
        texts.append("\n".join((*heads, lines)))
    return "\n\n".join(texts) + "\n"


def shown(case: Case) -> str:
    found = built(case)
    if isinstance(found, str):
        return "\n".join(
            f"refused: {line}" for line in found.replace(case.version, "VERSION").splitlines()
        )
    lines = [f"{stage.name}: {shlex.join(stage.argv)}" for stage in found.stages]
    files = " ".join(name for names in found.rank_files for name in names)
    return "\n".join((*lines, f"{found.name}: {files}"))
