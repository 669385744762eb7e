"""The room of a file system, as this machine's own `df` tells it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clusterkit.tasks.free_space import free_bytes, look_at_free_space
from tests.unit.tasks.shell import run


def test_the_room_where_a_path_lies(tmp_path: Path):
    seen = os.statvfs(tmp_path)

    found = free_bytes(run(look_at_free_space(str(tmp_path))))

    assert found == pytest.approx(seen.f_bavail * seen.f_frsize, rel=0.1)


def test_a_path_that_is_not_there_tells_nothing(tmp_path: Path):
    assert free_bytes(run(look_at_free_space(f"{tmp_path}/none"))) is None
