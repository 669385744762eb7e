"""A copy of a model is whole and verified, or nothing of it is there; ssh is left out here."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.model import PAYLOADS

FILES = {"config.json": b"{}", "model.safetensors": b"weights" * 1000}


def manifest(**changes: Any) -> bytes:
    files = {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in FILES.items()
    }
    return json.dumps({"name": "m", "files": files | changes}).encode() + b"\n"


def whole() -> bytes:
    return manifest() + b"".join(FILES[name] for name in sorted(FILES))


def receive(target: Path, sent: bytes) -> tuple[int, dict[str, Any]]:
    """The exit code, and how it says that it ended."""
    argv = [sys.executable, "-I", "-S", str(PAYLOADS), "receive_model", str(target)]
    done = subprocess.run(argv, input=sent, capture_output=True, timeout=30)
    assert done.stderr == b""
    return done.returncode, json.loads(done.stdout)


def test_all_that_was_sent_is_there_in_one_folder(tmp_path: Path):
    target = tmp_path / "models" / "m-1"

    assert receive(target, whole()) == (0, {"event": "placed"})

    assert [path.name for path in target.parent.iterdir()] == ["m-1"]
    found = {path.name: path.read_bytes() for path in target.iterdir()}
    text = found.pop("manifest.json")
    assert (found, json.loads(text)) == (FILES, json.loads(manifest()))


def test_what_is_there_and_whole_stays_and_what_is_damaged_makes_room(tmp_path: Path):
    target = tmp_path / "m-1"
    receive(target, whole())
    first = target.stat().st_ino
    receive(target, whole())
    second = target.stat().st_ino
    (target / "config.json").write_bytes(b"[]")
    receive(target, whole())

    assert first == second
    assert (target / "config.json").read_bytes() == b"{}"
    assert [path.name for path in tmp_path.iterdir()] == ["m-1"]


REFUSED = {
    "nothing": (b"", "EOFError: what was sent ended early"),
    "half a manifest": (manifest()[:10], "EOFError: what was sent ended early"),
    "half a file": (whole()[:-1], "EOFError: what was sent ended early"),
    "other bytes": (
        whole().replace(b"weights", b"weightS", 1),
        "OSError: model.safetensors came with another sha256 than the manifest says",
    ),
    "a way out of the folder": (
        manifest(**{"../../evil": {"size": 0, "sha256": ""}}),
        "ValueError: the manifest names files that are no plain names",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_of_what_is_not_whole_nothing_is_left(tmp_path: Path, case: str):
    sent, why = REFUSED[case]
    answer = receive(tmp_path / "models" / "m-1", sent)

    fix = "Fix: run the same command again"
    assert answer == (1, {"event": "failed", "why": f"{why}. {fix}"})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert list(tmp_path.glob("models/*")) == []


def test_a_model_that_does_not_fit_is_refused_before_it_is_sent(tmp_path: Path):
    huge = manifest(large={"size": 1 << 60, "sha256": ""})
    code, said = receive(tmp_path / "m-1", huge)

    free, _, needs = said["why"].partition(" MiB are free, and the model has ")
    assert (code, free.rpartition(": ")[0]) == (1, f"no space left in {tmp_path}")
    assert needs.startswith(f"{1 << 40} MiB. Fix: free some there, or set another `path`")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_copy_left_is_removed_by_the_next(tmp_path: Path):
    target = tmp_path / "m-1"
    argv = [sys.executable, "-I", "-S", str(PAYLOADS), "receive_model", str(target)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        process.stdin.write(whole()[:-1])
        process.stdin.flush()
        while not list(tmp_path.glob("m-1.*.part/model.safetensors")):
            assert process.poll() is None
        process.kill()
    left = [path.suffix for path in tmp_path.iterdir()]
    receive(target, whole())

    assert left == [".part"]
    assert [path.name for path in tmp_path.iterdir()] == ["m-1"]
