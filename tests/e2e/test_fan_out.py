"""A hundred and twenty-eight machines at once: every one answers, or is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.loopback_sshd import machines
from tests.e2e.controller import Controller, new_cluster_name
from tests.e2e.person import Person

COUNT = 128


@dataclass
class Many:
    controller: Controller
    inventory: Path
    addresses: tuple[str, ...]
    port: int


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Many]:
    folder = tmp_path_factory.mktemp("many")
    sshd = folder / "sshd"
    sshd.mkdir()
    person = Person.new(folder / "person")
    with machines(sshd, COUNT) as lent:
        person.known_hosts.write_bytes(lent.known_hosts.read_bytes())
        net = lent.addresses[0].rpartition(".")[0]
        file = folder / "many.yaml"
        # One more than there are: nobody listens at the last address.
        file.write_text(
            f"cluster: {new_cluster_name()}\nprovider: ssh\nruntime: bare\n"
            f"ssh: {{user: {lent.user}, port: {lent.port}, key_file: '{lent.key_file}'}}\n"
            f"nodes:\n  n[001-{COUNT + 1}]: {{host: '{net}.[1-{COUNT + 1}]', slots: 1}}\n"
            f"network: {{subnet: {net}.0/24}}\n"
            f"storage: {{kind: sync, path: '{folder}/models'}}\n"
        )
        controller = Controller(folder / "state", variables=person.variables)
        try:
            yield Many(controller, file, lent.addresses, lent.port)
        finally:
            controller.close()


def test_every_machine_answers(many: Many):
    nodes = f"n[001-{COUNT}]"
    done = many.controller("exec", nodes, "--inventory", many.inventory, "--", "echo", "here")

    assert (done.returncode, done.stdout) == (0, f"--- {nodes} ({COUNT})\nhere\n"), done.stderr


def test_the_one_that_does_not_is_named_and_holds_nobody_up(many: Many):
    words = ("exec", "@all", "--inventory", many.inventory, "--", "echo", "here")
    done = many.controller(*words, timeout_s=60)

    refused = f"{many.addresses[0].rpartition('.')[0]}.{COUNT + 1}:{many.port} refused"
    assert (done.returncode, f"n[001-{COUNT}] ({COUNT})\nhere\n" in done.stdout) == (3, True)
    assert f"--- n{COUNT + 1} {refused} the connection. " in done.stdout
