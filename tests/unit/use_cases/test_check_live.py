"""Inventories of this machine are compared with it, as it is."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from clusterkit.command import HOST
from clusterkit.errors import FileMistakes, TransportError
from clusterkit.use_cases.check_live import check_live, check_steps

LOCAL = "cluster: here\nprovider: local\nnodes:\n  localhost: {slots: 2"
DOCKER = (
    "cluster: here\nprovider: docker\nnodes:\n  node[1-2]:\n"
    "network: {subnet: 192.168.123.0/24}\ncontainer: {image: some/image}\n"
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTERKIT_HOME", str(tmp_path / "home"))


def written(folder: Path, text: str) -> Path:
    file = folder / "here.yaml"
    file.write_text(text)
    return file


def test_this_machine_is_as_described(tmp_path: Path):
    checked = check_live(written(tmp_path, LOCAL + f", python: {sys.executable}}}\n"))

    assert checked.looked_at == ("localhost",)


def test_what_this_machine_has_not_is_told_at_its_line(tmp_path: Path):
    file = written(tmp_path, LOCAL + ", gpus: [97], python: /no/python}\n")

    with pytest.raises(FileMistakes) as raised:
        check_live(file)

    gpus, python = raised.value.problems
    assert gpus.startswith(f"{file}:4: nodes.localhost.gpus: localhost: no GPU 97: nvidia-smi ")
    assert python == (
        f"{file}:4: nodes.localhost.python: localhost: /no/python is not there. "
        "Fix: correct `python`, or make it there"
    )


def test_a_machine_is_asked_and_not_the_container_that_it_may_carry_one_day(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # free again when the server is closed
    file = written(
        tmp_path,
        "cluster: here\nprovider: ssh\nruntime: docker\nnodes:\n  gpu1: {host: 127.0.0.1}\n"
        f"ssh: {{port: {port}}}\ncontainer: {{image: some/image}}\n",
    )

    with pytest.raises(TransportError) as raised:
        check_live(file)

    assert str(raised.value) == (
        f"gpu1: 127.0.0.1:{port} refused the connection. "
        "Fix: start sshd there, or correct the address or the port"
    )


def test_an_engine_elsewhere_is_not_compared_with_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = written(tmp_path, DOCKER)
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2376")

    assert (check_live(file).looked_at, check_steps(file)) == ((), [])


def test_an_engine_that_does_not_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Also where there is no Docker at all."""
    file = written(tmp_path, DOCKER)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody-listens")

    with pytest.raises(FileMistakes) as raised:
        check_live(file)

    (problem,) = raised.value.problems
    assert problem.startswith(
        f"{file}:2: provider: node[1-2]: its container has nothing to run on: "
    )
    assert [step.node for step in check_steps(file)] == [HOST]
