"""What a rank lets torch_tensorrt find, by what was asked and how it was started."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from clusterkit.payloads.compiled_collectives import choose_collectives
from clusterkit.payloads.generate_events import Refused

HIDDEN = {"TRTLLM_PLUGINS_PATH": None, "USE_TRTLLM_PLUGINS": None, "tensorrt_llm": None}


@pytest.fixture(autouse=True)
def rank_of_mpi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A rank that mpirun started, where plugins are to be had; all is put back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "0")
    monkeypatch.setenv("TRTLLM_PLUGINS_PATH", "/opt/theirs.so")
    monkeypatch.setenv("USE_TRTLLM_PLUGINS", "1")
    monkeypatch.setenv("PYTHONBREAKPOINT", "")
    monkeypatch.setitem(sys.modules, "tensorrt_llm", sys)  # anything that can be imported


def request(**changes: Any) -> dict[str, Any]:
    how = {"backend": "torch_tensorrt", "collectives": "auto", "plugins_path": None}
    return {**how, "dp": 1, "tp": 2, **changes}


def seen() -> dict[str, Any]:
    """What torch_tensorrt would find."""
    names = ("TRTLLM_PLUGINS_PATH", "USE_TRTLLM_PLUGINS")
    return {
        **{name: os.environ.get(name) for name in names},
        "tensorrt_llm": sys.modules["tensorrt_llm"] and "there",
    }


@pytest.mark.parametrize("collectives", ["auto", "trtllm"])
def test_plugins_as_the_node_has_them(collectives: str) -> None:
    choose_collectives(request(collectives=collectives))

    assert seen() == {
        "TRTLLM_PLUGINS_PATH": "/opt/theirs.so",
        "USE_TRTLLM_PLUGINS": "1",
        "tensorrt_llm": "there",
    }


def test_plugins_as_the_settings_say(tmp_path: Path) -> None:
    (tmp_path / "mine.so").touch()

    choose_collectives(request(plugins_path=str(tmp_path / "mine.so")))

    assert seen()["TRTLLM_PLUGINS_PATH"] == str(tmp_path / "mine.so")


@pytest.mark.parametrize(
    "changes", [{"collectives": "native"}, {"collectives": "pytorch"}, {"tp": 1}, {"dp": 2}]
)
def test_plugins_are_hidden(changes: dict[str, Any]) -> None:
    """Those of one replica would join the ranks of another."""
    choose_collectives(request(**changes))

    assert seen() == HIDDEN


def test_plugins_meet_by_mpi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMPI_COMM_WORLD_RANK")

    choose_collectives(request())

    assert seen() == HIDDEN
    with pytest.raises(Refused) as caught:
        choose_collectives(request(collectives="trtllm"))
    assert str(caught.value) == (
        "collectives: trtllm cannot be used: its plugins meet by MPI. Fix: `--launcher mpirun`, "
        "or `collectives: auto`"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"dp": 2, "collectives": "trtllm"},
            "collectives: trtllm cannot be used: its plugins serve one replica only. Fix: dp=1, "
            "or `collectives: auto`",
        ),
        (
            {"backend": "inductor", "collectives": "native"},
            "collectives: native is for backend torch_tensorrt, not inductor. "
            "Fix: `collectives: auto`",
        ),
    ],
)
def test_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused) as caught:
        choose_collectives(request(**changes))

    assert str(caught.value) == message
