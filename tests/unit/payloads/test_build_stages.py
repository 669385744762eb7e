from __future__ import annotations

import os
import shutil
import sys
import threading
from pathlib import Path

import pytest

from clusterkit.payloads import facts
from clusterkit.payloads.build_engine import in_folder
from clusterkit.payloads.build_stages import Stages, _Lines, environment
from clusterkit.payloads.publishing import LOCK, publish, remove_abandoned


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


def run_script(tmp_path: Path, script: str) -> list[str]:
    """The lines that a program of a build wrote."""
    stages = Stages(lambda **_: None, tmp_path / "log", threading.Event())
    stages.run("build", ["sh", "-c", script], {"PATH": os.environ["PATH"]}, None)
    return list(stages.last_lines)


def test_what_is_written_just_before_the_end_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The first look finds nothing; then the program writes and ends, before the next one."""
    read, looks = Stages._read, iter([True])

    def late(fd: int) -> bytes | None:
        if next(looks, False):
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            return None
        return read(fd)

    monkeypatch.setattr(Stages, "_read", staticmethod(late))
    assert run_script(tmp_path, "echo the cause") == ["the cause"]


def test_a_program_that_closes_its_output_is_looked_at_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    read, looks = Stages._read, []
    monkeypatch.setattr(Stages, "_read", staticmethod(lambda fd: looks.append(fd) or read(fd)))

    run_script(tmp_path, "exec >&- 2>&-; sleep 1")

    assert len(looks) < 50  # without a pause it would be many thousands


def test_what_makes_room_is_swept_if_its_remover_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    target, work = tmp_path / "engine", tmp_path / "engine.1.part"
    for folder in (target, work):
        folder.mkdir()
    (target / "damaged.engine").touch()
    (work / LOCK).touch()
    with monkeypatch.context() as killed:
        killed.setattr(shutil, "rmtree", lambda *_, **__: None)
        publish(work, target)
    (left,) = set(tmp_path.iterdir()) - {target}
    os.utime(left, (0, 0))

    remove_abandoned(target, target)

    assert list(tmp_path.iterdir()) == [target]
