"""A folder for an upload is there for as long as its holder's stdin is open."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterkit.payloads.left_files import unfinished
from clusterkit.payloads.publishing import remove_abandoned
from tests.e2e.model import PAYLOADS


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    return tmp_path / "models" / "m-1.0a1b2c3d.upload"


@pytest.fixture
def holder(upload: Path) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-I", "-S", str(PAYLOADS), "hold_upload", str(upload)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        (upload / "model.safetensors").write_bytes(b"weights")
        yield process
        process.kill()


def test_it_goes_with_its_owner(upload: Path, holder: subprocess.Popen[bytes]) -> None:
    assert holder.stdin is not None
    holder.stdin.close()

    assert holder.wait(10) == 0
    assert list(upload.parent.iterdir()) == []


def test_it_goes_when_it_is_asked_to_end(upload: Path, holder: subprocess.Popen[bytes]) -> None:
    holder.send_signal(signal.SIGTERM)

    assert holder.wait(10) == 143
    assert list(upload.parent.iterdir()) == []


def test_nobody_removes_it_while_it_is_held(
    upload: Path, holder: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    remove_abandoned(upload.parent / "m-1", Path("elsewhere"))

    assert (upload / "model.safetensors").exists()
    assert list(unfinished([str(tmp_path)])) == []
    assert holder.poll() is None


def test_what_a_killed_one_left_is_found_and_removed_by_the_next(
    upload: Path, holder: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    holder.kill()
    holder.wait(10)

    left = [(file.path, file.why) for file in unfinished([str(tmp_path)])]
    remove_abandoned(upload.parent / "m-1", Path("elsewhere"))

    assert left == [(upload, "an upload that was broken off")]
    assert list(upload.parent.iterdir()) == []
