"""What is installed for this Python, told without importing it."""

from __future__ import annotations

from importlib import metadata

_NAMES = {  # metadata takes - and _ for the same
    "torch_tensorrt": ("torch_tensorrt",),
    "tensorrt": ("tensorrt", "tensorrt-cu13", "tensorrt-cu12"),
}


def installed(package: str) -> str | None:
    """The version of the package, under whichever name it is distributed."""
    for name in _NAMES[package]:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def release(version: str | None) -> tuple[int, ...]:
    """``2.12.0+cu130`` as (2, 12); unknown: nothing, which is less than any."""
    words = (version or "").split(".")[:2]
    return tuple(int(word) for word in words) if all(word.isdigit() for word in words) else ()
