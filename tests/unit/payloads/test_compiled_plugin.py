"""TensorRT-LLM's plugin library comes out of a wheel, whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from clusterkit.payloads.compiled_plugin import LIBRARY, plugin_file
from clusterkit.payloads.generate_events import Failed

INSIDE = f"tensorrt_llm/libs/{LIBRARY}"
HOST = os.uname().nodename


@pytest.fixture(autouse=True)
def in_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def wheel(folder: Path, content: bytes, *, recorded: bytes | None = None) -> Path:
    path = folder / "tensorrt_llm-0.17.0.post1-cp310-cp310-linux_x86_64.whl"
    digest = hashlib.sha256(content if recorded is None else recorded).digest()
    name = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(INSIDE, content)
        archive.writestr("tensorrt_llm/libs/libtensorrt_llm.so", b"large")
        archive.writestr(
            "tensorrt_llm-0.17.0.post1.dist-info/RECORD",
            f"{INSIDE},sha256={name},{len(content)}\n",
        )
    return path


def test_only_the_library_is_taken_out(tmp_path: Path) -> None:
    found = plugin_file(str(wheel(tmp_path, b"plugin")))

    assert found == f"{tmp_path}/plugins/{LIBRARY}"
    assert Path(found).read_bytes() == b"plugin"
    assert sorted(path.name for path in Path("plugins").iterdir()) == [LIBRARY, "lock"]


def test_the_next_rank_takes_what_is_there(tmp_path: Path) -> None:
    path = wheel(tmp_path, b"plugin")
    first = plugin_file(str(path))
    path.write_bytes(b"")  # it is not opened again

    assert plugin_file(str(path)) == first


def test_a_library_by_itself_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / LIBRARY).write_bytes(b"plugin")

    assert plugin_file(LIBRARY) == str(tmp_path / LIBRARY)


def test_a_library_that_is_not_as_recorded(tmp_path: Path) -> None:
    path = wheel(tmp_path, b"plugin", recorded=b"another")

    with pytest.raises(Failed) as caught:
        plugin_file(str(path))

    assert str(caught.value) == (
        f"{HOST}: plugins_path: {INSIDE} in {path} is not as the wheel's RECORD says. "
        "Fix: fetch the wheel again"
    )
    assert sorted(path.name for path in Path("plugins").iterdir()) == ["lock"]


def test_a_wheel_without_it(tmp_path: Path) -> None:
    path = tmp_path / "other.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.py", b"")

    with pytest.raises(Failed) as caught:
        plugin_file(str(path))

    assert str(caught.value).startswith(f"{HOST}: plugins_path: no {INSIDE} in {path}: ")
    assert str(caught.value).endswith(
        ". Fix: a whole wheel of tensorrt_llm that has it, such as 0.17.0.post1 for CUDA 12"
    )


def test_no_such_file() -> None:
    with pytest.raises(Failed) as caught:
        plugin_file("/nowhere/plugins.so")

    assert str(caught.value) == (
        f"{HOST}: plugins_path: no file /nowhere/plugins.so. Fix: put {LIBRARY} or a wheel of "
        "tensorrt_llm there, on every node"
    )
