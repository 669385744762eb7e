"""What torch.compile is told, by version: whole options, and whole messages."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version

from clusterkit.engines.torch_tensorrt.known_settings import (
    NEWEST,
    SETTINGS,
    TENSORRT_OF,
    UNUSABLE,
)
from clusterkit.engines.torch_tensorrt.options import (
    compile_options,
    dropped_settings,
    option_problems,
)
from clusterkit.model.torch_tensorrt import COMPILE_SETTINGS
from tests.unit.engines.torch_tensorrt.settings import settings

FAILS_LOUDLY = {"pass_through_build_failures": True}
EXPLICIT = {"use_explicit_typing": True}
SPLIT = {"use_distributed_mode_trace": True}


@pytest.mark.parametrize(
    ("version", "changed", "expected"),
    [
        ("2.4.0", {}, {"enabled_precisions": ["float32", "bfloat16"]}),
        ("2.5.0", {"dtype": "float32"}, {"enabled_precisions": ["float32"]}),
        ("2.6.0", {}, EXPLICIT),
        ("2.6.1", {"enabled_precisions": ["float16"]},
         {"enabled_precisions": ["float16"], "use_explicit_typing": False}),
        ("2.7.0a0", {"tp": 2}, {**EXPLICIT, **SPLIT, "use_python_runtime": True}),
        ("2.12.0", {"tp": 2, "use_python_runtime": False},
         {**EXPLICIT, **SPLIT, "use_python_runtime": False}),
        ("2.13.0", {}, {}),
        ("2.13.0", {"tp": 2, "use_python_runtime": True, "use_explicit_typing": True,
                    "enabled_precisions": ["float16"], "min_block_size": 1},
         {**SPLIT, "min_block_size": 1}),
        ("2.15.0", {"tp": 2, "options": {"torch_executed_ops": ["aten.relu"]}},
         {**SPLIT, "torch_executed_ops": ["aten.relu"]}),
        ("2.10.0", {"options": {"pass_through_build_failures": False}},
         {**EXPLICIT, "pass_through_build_failures": False}),
    ],
)  # fmt: skip
def test_whole_options(version: str, changed: dict[str, Any], expected: dict[str, Any]) -> None:
    given = settings(**changed)

    assert compile_options(given, Version(version)) == FAILS_LOUDLY | expected
    assert not list(option_problems(given, Version(version)))


@pytest.mark.parametrize(
    ("version", "changed", "messages"),
    [
        (
            "2.6.0",
            {"use_distributed_mode_trace": True, "options": {"enable_autocast": True}},
            [
                "engine.use_distributed_mode_trace: torch_tensorrt 2.6.0 does not have it yet; "
                "2.7 and later have. Fix: leave it out, or one of these",
                "engine.options.enable_autocast: torch_tensorrt 2.6.0 does not have it yet; "
                "2.10 and later have. Fix: leave it out, or one of these",
            ],
        ),
        (
            "2.5.0",
            {"use_explicit_typing": True},
            ["engine.use_explicit_typing: torch_tensorrt 2.5.0 does not have it yet; "
             "2.6 to 2.12 have. Fix: leave it out, or one of these"],
        ),
        (
            "2.11.0",
            {"options": {"runtime_cache_path": "/c"}},
            ["engine.options.runtime_cache_path: torch_tensorrt 2.11.0 does not have it yet; "
             "2.12 have. Fix: leave it out, or one of these"],
        ),
        (
            "2.10.0",
            {
                "use_explicit_typing": True,
                "enabled_precisions": ["float16"],
                "tp": 2,
                "use_distributed_mode_trace": False,
                "options": {"min_block_size": 1, "device": 0, "optimisation_level": 5, "x": 1},
            },
            [
                "engine.options.min_block_size: it has a setting of its own. "
                "Fix: engine.min_block_size",
                "engine.options.device: it is each rank's own GPU. Fix: leave it out",
                "engine.options.optimisation_level: torch_tensorrt has no such setting. "
                "Fix: did you mean `optimization_level`?",
                "engine.options.x: torch_tensorrt has no such setting. Fix: leave it out",
                "engine.enabled_precisions: engines with use_explicit_typing keep the model's "
                "dtypes. Fix: leave one of them out",
                "engine.use_distributed_mode_trace: a model that is split by tp cannot be traced "
                "without it. Fix: leave it out",
            ],
        ),
    ],
)  # fmt: skip
def test_what_a_version_would_not_hear(
    version: str, changed: dict[str, Any], messages: list[str]
) -> None:
    assert list(option_problems(settings(**changed), Version(version))) == messages


def test_what_was_dropped_is_left_out_with_a_word() -> None:
    given = settings(use_python_runtime=True, min_block_size=1, options={"debug": True})

    assert dropped_settings(given, Version("2.7.1")) == ()
    assert dropped_settings(given, Version("2.13.0")) == (
        "engine.use_python_runtime is left out: torch_tensorrt 2.13.0 no longer has it; "
        "2.4 to 2.12 had",
        "engine.options.debug is left out: torch_tensorrt 2.13.0 no longer has it; 2.4 to 2.7 had",
    )
    assert compile_options(given, Version("2.13.0")) == {**FAILS_LOUDLY, "min_block_size": 1}


def test_the_table_holds_together() -> None:
    assert {*COMPILE_SETTINGS, *UNUSABLE} <= SETTINGS.keys()
    assert list(SETTINGS) == sorted(SETTINGS)
    for first, last in SETTINGS.values():
        assert (2, 4) <= first <= (last or NEWEST) <= NEWEST
    assert list(TENSORRT_OF) == [(2, minor) for minor in range(4, NEWEST[1] + 1)]
