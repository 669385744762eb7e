"""The model repository: filled, and judged before a server reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusterkit.payloads.triton_repository import (
    Unfilled,
    field,
    fill,
    make,
    placeholders,
    problems,
    unfilled,
)
from tests.stand_ins.triton_templates import templates, write_templates

MODEL_PY = {
    name: ["model.py"]
    for name in ("preprocessing", "postprocessing", "tensorrt_llm", "tensorrt_llm_bls")
}
FILLED_16 = {
    "triton_max_batch_size": "4",
    "decoupled_mode": "true",
    "engine_dir": "/engines/llama",
    "tokenizer_dir": "/models/llama",
    "triton_backend": "tensorrtllm",
    "batching_strategy": "inflight_fused_batching",
    "preprocessing_instance_count": "1",
    "postprocessing_instance_count": "1",
    "bls_instance_count": "1",
    "max_queue_delay_microseconds": "0",
    "max_queue_size": "0",
}
TEXT = """\
backend: "${triton_backend}"  # one of "${x}" and ${y}
max_batch_size: ${batch}
value: { string_value: "a # ${path}" }
"""


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, TEXT),
        (
            {"batch": "8", "y": "no", "path": 'a"b\\c,d:e'},
            TEXT.replace("${batch}", "8").replace("${path}", 'a\\"b\\\\c,d:e'),
        ),
    ],
)
def test_values_are_put_in_where_the_server_reads(values: dict[str, str], expected: str):
    assert fill(TEXT, values) == expected


def test_what_is_left_is_named_with_its_line():
    assert unfilled(TEXT) == [
        Unfilled("triton_backend", 1, is_fatal=True),  # of a few, also within quotes
        Unfilled("batch", 2, is_fatal=True),
        Unfilled("path", 3, is_fatal=False),
    ]
    assert placeholders(TEXT) == {"triton_backend", "batch", "path"}


def test_all_that_a_release_needs_is_enough():
    assert list(problems(templates("0.16.0"), MODEL_PY, FILLED_16)) == []


@pytest.mark.parametrize(
    ("missing", "models"),
    [
        ("engine_dir", ["tensorrt_llm"]),
        ("decoupled_mode", ["tensorrt_llm", "tensorrt_llm_bls"]),
        ("tokenizer_dir", ["postprocessing", "preprocessing"]),
    ],
)
def test_each_missing_value_is_found(missing: str, models: list[str]):
    texts = templates("0.16.0")
    values = {name: value for name, value in FILLED_16.items() if name != missing}
    assert list(problems(texts, MODEL_PY, values)) == [
        f"{model}/config.pbtxt:{line_of(texts[model], missing)}: nobody fills ${{{missing}}}. "
        f"Fix: engine.parameters: {{{missing}: …}}"
        for model in models
    ]


def line_of(text: str, name: str) -> int:
    return next(
        number for number, line in enumerate(text.splitlines(), 1) if f"${{{name}}}" in line
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("KIND_CPU", "KIND_GPU\n    gpus: [ 0, 1 ]", "KIND_GPU"),
        ("count: 1", "count: 2", "count 2"),
    ],
)
def test_instances_of_the_engine_are_one_of_the_cpu(old: str, new: str, said: str):
    texts = templates("0.16.0")
    texts["tensorrt_llm"] = texts["tensorrt_llm"].replace(old, new)
    assert list(problems(texts, MODEL_PY, FILLED_16)) == [
        f"tensorrt_llm/config.pbtxt: instance_group must be one of KIND_CPU: with {said} ranks "
        "hang or take each other's ports. Fix: `count: 1` and `kind: KIND_CPU`"
    ]


def test_models_of_python_need_their_program():
    files: dict[str, Any] = {**MODEL_PY, "preprocessing": []}
    assert list(problems(templates("0.16.0"), files, FILLED_16)) == [
        "preprocessing/1 has no model.py, which its backend `python` runs. "
        "Fix: the whole folder of the release as engine.templates"
    ]


def test_templates_without_the_engines_model_are_none():
    texts = templates("0.5.0")
    del texts["tensorrt_llm"]
    values = {"tokenizer_dir": "/t", "tokenizer_type": "auto"}
    assert list(problems(texts, MODEL_PY, values)) == [
        "the templates have no model tensorrt_llm. "
        "Fix: engine.templates: the folder inflight_batcher_llm of the release"
    ]


def test_it_is_written_whole_and_every_model_has_a_version(tmp_path: Path):
    write_templates(tmp_path / "templates", "0.16.0")

    make(tmp_path / "templates", tmp_path / "made", FILLED_16)

    written = {
        str(path.relative_to(tmp_path / "made")): path.read_text()
        for path in (tmp_path / "made").rglob("config.pbtxt")
    }
    assert written == {
        f"{model}/config.pbtxt": fill(text, FILLED_16)
        for model, text in templates("0.16.0").items()
    }
    assert (tmp_path / "made/ensemble/1").is_dir()
    assert (tmp_path / "made/tensorrt_llm/1/model.py").is_file()
    assert field(written["tensorrt_llm/config.pbtxt"], "decoupled") == "true"
    assert field(written["tensorrt_llm/config.pbtxt"], "backend") == "tensorrtllm"
