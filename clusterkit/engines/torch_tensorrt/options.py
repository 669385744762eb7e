"""The options that torch.compile is given, as each version of torch_tensorrt knows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from packaging.version import Version

from clusterkit.engines.torch_tensorrt.known_settings import SETTINGS, UNUSABLE
from clusterkit.engines.torch_tensorrt.versions import EXPLICIT_TYPING, SPLIT_MODELS
from clusterkit.engines.versions import Release, since
from clusterkit.errors import did_you_mean
from clusterkit.model.torch_tensorrt import COMPILE_SETTINGS, TorchTensorRtSettings


def compile_options(settings: TorchTensorRtSettings, version: Version) -> dict[str, Any]:
    """What torch_tensorrt is told: what the user says, and what a language model needs."""
    options: dict[str, Any] = {
        # Else a part that cannot be built is run by PyTorch, and only a warning tells.
        "pass_through_build_failures": True,
        **_typing(settings, version),
        **(_of_split(version) if settings.tp > 1 else {}),
        **settings.compile_settings,
        **settings.options,
    }
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in sorted(options.items())
        if name in SETTINGS and _has(version, name)
    }


def option_problems(settings: TorchTensorRtSettings, version: Version) -> Iterator[str]:
    """What this version would not hear, each with the versions that would."""
    for name in [*settings.compile_settings, *settings.options]:
        if name in settings.options and name in COMPILE_SETTINGS:
            yield f"engine.options.{name}: it has a setting of its own. Fix: engine.{name}"
        elif name in UNUSABLE:
            yield f"{_place(name)}: it {UNUSABLE[name]}. Fix: leave it out"
        elif name not in SETTINGS:
            fix = did_you_mean(name, SETTINGS, otherwise="leave it out")
            yield f"{_place(name)}: torch_tensorrt has no such setting. Fix: {fix}"
        elif not _has(version, name) and not _was_dropped(version, name):
            yield (
                f"{_place(name)}: torch_tensorrt {version} does not have it yet; "
                f"{_span(name)} have. Fix: leave it out, or one of these"
            )
    if settings.use_explicit_typing and settings.enabled_precisions and _has_typing(version):
        yield (
            "engine.enabled_precisions: engines with use_explicit_typing keep the model's dtypes. "
            "Fix: leave one of them out"
        )
    if settings.tp > 1 and settings.use_distributed_mode_trace is False:
        yield (
            "engine.use_distributed_mode_trace: a model that is split by tp cannot be traced "
            "without it. Fix: leave it out"
        )


def dropped_settings(settings: TorchTensorRtSettings, version: Version) -> tuple[str, ...]:
    """What the user hears of settings that this version no longer has: they are left out."""
    return tuple(
        f"{_place(name)} is left out: torch_tensorrt {version} no longer has it; {_span(name)} had"
        for name in [*settings.compile_settings, *settings.options]
        if name in SETTINGS and _was_dropped(version, name)
    )


def _typing(settings: TorchTensorRtSettings, version: Version) -> dict[str, Any]:
    """Have engines compute in the model's own dtype, in the words of the version."""
    if since(version, EXPLICIT_TYPING):
        return {"use_explicit_typing": settings.enabled_precisions is None}
    dtype = "bfloat16" if settings.dtype == "auto" else settings.dtype
    return {"enabled_precisions": list(dict.fromkeys(["float32", dtype]))}


def _of_split(version: Version) -> dict[str, Any]:
    """As the vendor's examples of tensor parallelism have them."""
    if not since(version, SPLIT_MODELS):
        return {}
    return {"use_distributed_mode_trace": True, "use_python_runtime": True}


def _has(version: Version, name: str) -> bool:
    return since(version, SETTINGS[name][0]) and not _was_dropped(version, name)


def _was_dropped(version: Version, name: str) -> bool:
    last = SETTINGS[name][1]
    return last is not None and version.release[:2] > last


def _has_typing(version: Version) -> bool:
    return _has(version, "use_explicit_typing")


def _span(name: str) -> str:
    """``2.6 to 2.12``, or ``2.7 and later``."""
    first, last = SETTINGS[name]
    if last is None:
        return f"{_words(first)} and later"
    return _words(first) if first == last else f"{_words(first)} to {_words(last)}"


def _words(release: Release) -> str:
    return f"{release[0]}.{release[1]}"


def _place(name: str) -> str:
    return f"engine.{name}" if name in COMPILE_SETTINGS else f"engine.options.{name}"
