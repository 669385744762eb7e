"""The places, in sources that are laid out in other ways."""

from __future__ import annotations

import pytest

from clusterkit.payloads.fix_places import lines_marked, patched


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            b"class Mapping:\r\n  def __init__(self, x='\xc3\xbc', gpus_per_node=8):"
            b"\r\n    pass\r\n",
            b"class Mapping:\r\n  def __init__(self, x='\xc3\xbc', gpus_per_node=4):"
            b"  # clusterkit fix: gpus_per_node was 8, is 4\r\n    pass\r\n",
        ),
        (
            b"class Mapping:\n  def __init__(self,\n    gpus_per_node: int = 8, # GPUs\n  ): ...",
            b"class Mapping:\n  def __init__(self,\n    gpus_per_node: int = 4, # GPUs"
            b"  # clusterkit fix: gpus_per_node was 8, is 4\n  ): ...",
        ),
        (
            b"class Mapping:\n  def __init__(self, *, a=8, gpus_per_node=8, b=8): ...",
            b"class Mapping:\n  def __init__(self, *, a=8, gpus_per_node=4, b=8): ..."
            b"  # clusterkit fix: gpus_per_node was 8, is 4",
        ),
        (b"class Other:\n  def __init__(self, gpus_per_node=8): ...", None),
        (b"class Mapping:\n  def make(self, gpus_per_node=8): ...", None),
        (b"class Mapping:\n  def __init__(self, gpus_per_node=4): ...", None),
    ],
)
def test_defaults_are_found_wherever_they_stand(source: bytes, expected: bytes | None) -> None:
    assert patched(source, "mapping", 4) == expected
    if expected:
        assert len(lines_marked(expected)[0]) == 1


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            b"WorldConfig.mpi()",
            b"WorldConfig.mpi(gpus_per_node=4)  # clusterkit fix: gpus_per_node was absent, is 4",
        ),
        (
            b"b.WorldConfig.mpi(\n  tp=1)",
            b"b.WorldConfig.mpi(gpus_per_node=4, "
            b"  # clusterkit fix: gpus_per_node was absent, is 4\n  tp=1)",
        ),
        (b"WorldConfig.mpi(8)", None),
        (b"WorldConfig.mpi(gpus_per_node=n)", None),
        (b"WorldConfig.mpi(**given)", None),
        (b"Other.mpi()", None),
    ],
)
def test_calls_are_found_that_leave_the_number_out(source: bytes, expected: bytes | None) -> None:
    assert patched(source, "runner", 4) == expected


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (b"class Mapping:\n  def __init__(self, gpus_per_node=8) ...", "it is no Python"),
        (
            b"class Mapping:\n  def __init__(self, gpus_per_node=8, a='''\n'''): ...",
            "its lines are laid out in a way that cannot be edited safely",
        ),
        (
            b"class Mapping:\n  def __init__(self, gpus_per_node=8, \\\n a=1): ...",
            "its lines are laid out in a way that cannot be edited safely",
        ),
    ],
)
def test_sources_that_cannot_be_edited_safely_are_refused(source: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        patched(source, "mapping", 4)
