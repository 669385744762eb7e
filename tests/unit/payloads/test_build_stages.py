from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from clusterkit.payloads import facts
from clusterkit.payloads.build_engine import in_folder
from clusterkit.payloads.build_stages import _Lines, environment


@pytest.mark.parametrize(
    "pieces",
    [
        [b"one\n10%\r20%\rtwo\r\nlast"],
        [b"o", b"ne\n1", b"0%\r20%", b"\rtwo", b"\r\nla", b"st"],
    ],
)
def test_lines_come_whole_however_they_are_cut(pieces: list[bytes]):
    heard: list[tuple[str, bool]] = []
    lines = _Lines(lambda line, is_redrawn: heard.append((line, is_redrawn)))

    for piece in pieces:
        lines.add(piece)
    lines.end()

    assert heard == [
        ("one", False),
        ("10%", True),
        ("20%", True),
        ("two", False),
        ("last", False),
    ]


def test_a_line_without_end_comes_in_pieces():
    heard: list[str] = []
    lines = _Lines(lambda line, _: heard.append(line))

    for _ in range(64):
        lines.add(b"x" * (1 << 14))
    lines.add(b"\nlast")
    lines.end()

    *pieces, last = heard
    assert ("".join(pieces), last) == ("x" * (1 << 20), "last")
    assert max(map(len, pieces)) <= 2 << 16


def test_only_a_whole_path_of_the_build_is_filled_in():
    words = ("/m/{work}", "{work}.checkpoint", "{work}/cache")

    filled = [in_folder(word, Path("/e/x.part")) for word in words]

    assert filled == ["/m/{work}", "/e/x.part.checkpoint", "/e/x.part/cache"]


def test_programs_see_nothing_of_mpi_and_the_interpreters_folder_first(
    monkeypatch: pytest.MonkeyPatch,
):
    for name in ("OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PRTE_X", "OMPI_MCA_a"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("HF_HOME", "/hf")

    env = environment({"CUDA_VISIBLE_DEVICES": "0"}, Path("/s/a.part"))

    assert not [name for name in env if name.startswith(("OMPI_", "PMIX_", "PRTE_"))]
    assert env["PATH"] == f"{os.path.dirname(sys.executable)}:/usr/bin"  # noqa: PTH120
    assert (env["HF_HOME"], env["CUDA_VISIBLE_DEVICES"]) == ("/hf", "0")
    assert env["CLUSTERKIT_BUILD"] == "/s/a.part"


def test_packages_are_found_by_any_of_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in (
        "tensorrt_llm-0.16.0.dist-info",
        "tensorrt_cu12-10.7.0.post1.dist-info",
        "tensorrt_cu12_libs-10.7.0.dist-info",
        "nvidia_modelopt-0.21.0.dist-info",
        "nvidia_ammo-0.7.4.dist-info",
        "TensorRT_LLM-x.txt",
    ):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    assert facts.packages() == {
        "tensorrt_llm": "0.16.0",
        "tensorrt": "10.7.0.post1",
        "nvidia_modelopt": "0.21.0",
        "nvidia_ammo": "0.7.4",
    }
