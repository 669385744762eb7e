"""Mistakes in an inventory of the engine torch-tensorrt: whole messages."""

from __future__ import annotations

import pytest

from tests.unit.model.mistaken import changed, mistakes

pytestmark = pytest.mark.usefixtures("in_folder")

CASES = {
    "stages": ("pp: 2", "engine.pp: must be 1, not `2`: layers are not split. Fix: use tp, or dp"),
    "more replicas than slots": (
        "dp: 5",
        "engine.dp: dp=5 with tp=1 needs 5 slots, and the nodes have 4. "
        "Fix: lower `dp` or `tp`, or raise `slots`",
    ),
    "a backend that is none": (
        "backend: tensorrt",
        "engine.backend: must be torch_tensorrt, inductor or eager, not `tensorrt`. "
        "Fix: did you mean `torch_tensorrt`?",
    ),
    "settings that another backend does not hear": (
        "backend: inductor, min_block_size: 1, use_python_runtime: true, collectives: native",
        "engine: use_python_runtime, min_block_size, collectives mean nothing to backend: "
        "inductor. Fix: leave out use_python_runtime, min_block_size, collectives, or use "
        "backend: torch_tensorrt",
    ),
    "one that another backend does not hear": (
        "backend: eager, plugins_path: /p",
        "engine: plugins_path means nothing to backend: eager. "
        "Fix: leave out plugins_path, or use backend: torch_tensorrt",
    ),
    "options of a backend that has none": (
        "backend: eager, options: {max_autotune: true}",
        "engine: backend: eager has no options. Fix: leave out options",
    ),
    "plugins for other collectives": (
        "collectives: native, plugins_path: /p",
        "engine: plugins_path is for collectives: trtllm, not native. "
        "Fix: leave plugins_path out, or collectives",
    ),
    "a precision that is none": (
        "enabled_precisions: [fp16]",
        "engine.enabled_precisions[0]: must be float32, float16, bfloat16 or int8, not `fp16`. "
        "Fix: use float32, float16, bfloat16 or int8",
    ),
    "no precision": (
        "enabled_precisions: []",
        "engine.enabled_precisions: names no precision. "
        "Fix: leave it out, or name one such as float16",
    ),
    "an option that is a mapping": (
        "options: {x: {y: 1}}",
        "engine.options.x: must be true or false, a number, text, or a list of text, "
        "not a mapping. Fix: write for example `optimization_level: 5`",
    ),
    "fewer threads than none": (
        "threads_per_rank: -1",
        "engine.threads_per_rank: must be at least 1, not `-1`. "
        "Fix: write for example `threads_per_rank: 2`",
    ),
    "a setting of another engine": (
        "max_batch_size: 1",
        "engine.max_batch_size: unknown key. Fix: did you mean `min_block_size`?",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_settings_that_cannot_be(case: str) -> None:
    written, message = CASES[case]

    text = changed("engine: {pp: 2}", f"engine: {{name: torch-tensorrt, {written}}}")

    assert mistakes(text) == f"pair.yaml:7: {message}"
