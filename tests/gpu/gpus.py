"""The GPUs of this machine."""

from __future__ import annotations

import shutil
import subprocess

import pytest


def first_two() -> list[str]:
    """The UUIDs of the first two, in the order of their indices; without them, skip."""
    found = _uuids()
    if len(found) < 2:
        pytest.skip(f"this machine has {len(found)} NVIDIA GPUs, and two are needed")
    return found[:2]


def _uuids() -> list[str]:
    if shutil.which("nvidia-smi") is None:
        return []
    words = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    return subprocess.run(words, capture_output=True, text=True).stdout.split()
