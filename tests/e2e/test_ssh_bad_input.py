"""Machines that cannot be used: each is named with its reason and a fix, the others go on."""

from __future__ import annotations

import contextlib
import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.controller import Controller, Done, new_cluster_name
from tests.e2e.machine_faults import (
    UNKNOWN_NAME,
    change_host_keys,
    frozen,
    full_disk,
    refusing_port,
    silent_port,
)
from tests.e2e.machines import Machine, Machines, Spec, machines

SPECS = (Spec("gpu01"), Spec("gpu02", user="ada", port=2022, disk_size="4m"), Spec("gpu03"))
FAILED = "Error: 1 node failed, others succeeded\n  gpu02: "
TIMEOUT_S = 2


@pytest.fixture(scope="module")
def room(
    docker_host: docker.DockerClient,
    mpi_machine: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Machines]:
    with machines(docker_host, mpi_machine, tmp_path_factory.mktemp("person"), *SPECS) as room:
        yield room


@dataclass
class Lab:
    """A cluster that is described, and not up."""

    room: Machines
    controller: Controller
    name: str
    file: Path

    def __call__(self, *words: object, timeout_s: float = 120) -> Done:
        return self.controller(*words, timeout_s=timeout_s)

    def describe(self, **parts: Any) -> None:
        ssh = {"connect_timeout_s": TIMEOUT_S}
        self.room.describe(self.file, self.name, **({"ssh": ssh} | parts))

    def error(self, **parts: Any) -> tuple[int, str]:
        """The exit code and the message of an `up` that is refused."""
        self.describe(**parts)
        done = self("up", self.file, "--yes")
        assert done.stdout == ""
        return done.returncode, "Error: " + done.stderr.partition("Error: ")[2]

    def up(self, **parts: Any) -> Done:
        """Bring it up; that must succeed."""
        self.describe(**parts)
        done = self("up", self.file, "--yes")
        assert done.returncode == 0, done.stderr
        return done


@pytest.fixture
def lab(room: Machines, tmp_path: Path) -> Iterator[Lab]:
    name = new_cluster_name()
    controller = room.controller(tmp_path / "state", name)
    before = {machine.name: machine.authorized_keys() for machine in room.all.values()}
    lab = Lab(room, controller, name, tmp_path / "lab.yaml")
    lab.describe()
    try:
        yield lab
    finally:
        room.know_hosts()
        controller.close()
        after = {machine.name: machine.authorized_keys() for machine in room.all.values()}
    assert after == before


def test_a_name_that_nobody_knows(lab: Lab):
    nodes = {"gpu01": {}, "gpu02": {"host": UNKNOWN_NAME}, "gpu03": {}}

    assert lab.error(nodes=nodes) == (
        3,
        f"{FAILED}the name {UNKNOWN_NAME} is not known.\nFix: correct the address\n",
    )


def test_a_machine_that_refuses(lab: Lab):
    with refusing_port() as port:
        gpu02 = {"host": "127.0.0.1", "ssh": {"port": port}}
        seen = lab.error(nodes={"gpu01": {}, "gpu02": gpu02, "gpu03": {}})

    assert seen == (
        3,
        f"{FAILED}127.0.0.1:{port} refused the connection.\n"
        "Fix: start sshd there, or correct the address or the port\n",
    )


def test_a_machine_that_says_nothing_is_given_up_in_time(lab: Lab):
    with silent_port() as port:
        gpu02 = {"host": "127.0.0.1", "ssh": {"port": port}}
        seen = lab.error(nodes={"gpu01": {}, "gpu02": gpu02, "gpu03": {}})

    assert seen == (
        3,
        f"{FAILED}127.0.0.1:{port} did not answer within {TIMEOUT_S} s.\n"
        "Fix: correct the address, or let the connection through the firewall\n",
    )


def test_every_machine_that_fails_is_named_and_where_all_do_it_is_another_exit_code(lab: Lab):
    unknown = {f"gpu0{number}": {"host": f"{number}.invalid"} for number in (1, 2, 3)}

    assert lab.error(nodes=unknown) == (
        4,
        "Error: 3 nodes failed\n"
        + "".join(f"  gpu0{n}: the name {n}.invalid is not known.\n" for n in (1, 2, 3))
        + "Fix: correct the address\n",
    )


def test_a_head_that_fails_does_not_hide_the_others(lab: Lab):
    nodes = {"gpu01": {"host": "1.invalid"}, "gpu02": {"host": "2.invalid"}, "gpu03": {}}

    assert lab.error(nodes=nodes) == (
        3,
        "Error: 2 nodes failed, others succeeded\n"
        "  gpu01: the name 1.invalid is not known.\n"
        "  gpu02: the name 2.invalid is not known.\n"
        "Fix: correct the address\n",
    )


def test_a_user_whom_the_key_does_not_let_in(lab: Lab):
    nodes = {"gpu01": {}, "gpu02": {"ssh": {"user": "root"}}, "gpu03": {}}

    assert lab.error(nodes=nodes) == (
        3,
        f"{FAILED}gpu02 does not let root in with any of the user's keys.\n"
        "Fix: add the public key to ~/.ssh/authorized_keys of root there\n",
    )


def test_a_key_file_that_is_not_let_in(lab: Lab):
    other = lab.room.person.home / "other"
    lab.room.person.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other))
    nodes = {"gpu01": {}, "gpu02": {"ssh": {"key_file": "~/other", "user": "ada"}}, "gpu03": {}}

    assert lab.error(nodes=nodes) == (
        3,
        f"{FAILED}gpu02 does not let ada in with {other}.\n"
        "Fix: add the public key to ~/.ssh/authorized_keys of ada there\n",
    )


def test_a_host_key_that_nobody_vouched_for(lab: Lab):
    gpu02 = lab.room["gpu02"]
    forget(lab.room, gpu02)

    assert lab.error() == (
        3,
        f"{FAILED}the host key of gpu02 is not known: {fingerprint(gpu02)}.\n"
        "Fix: compare it with the machine's own, then add it to ~/.ssh/known_hosts\n",
    )


def test_accept_new_shows_a_fingerprint_once_pins_it_and_stops_at_another(lab: Lab):
    gpu02 = lab.room["gpu02"]
    forget(lab.room, gpu02)
    known_hosts = lab.room.person.known_hosts.read_text()
    trust = {"ssh": {"trust": "accept-new", "connect_timeout_s": TIMEOUT_S}}

    first, second = lab.up(**trust), lab.up(**trust)
    note = f"the host key of {gpu02.known_as}, seen for the first time: {fingerprint(gpu02)}"
    assert [note in done.stderr for done in (first, second)] == [True, False]
    assert second.stdout == f"No changes. Cluster {lab.name} is as the inventory says.\n"
    assert lab.room.person.known_hosts.read_text() == known_hosts
    pinned = lab.controller.home / "clusters" / lab.name / "pinned_hosts"
    assert pinned.read_text() == f"{gpu02.known_as} {gpu02.host_key()}\n"

    old = fingerprint(gpu02)
    change_host_keys(gpu02)
    with mended(lab, pinned):
        stopped = lab("up", lab.file, "--yes")
        done = lab("exec", "@all", "--", "hostname")
    assert (stopped.returncode, "Error: " + stopped.stderr.partition("Error: ")[2]) == (
        3,
        FAILED + changed(gpu02, old, str(pinned)),
    )
    assert (done.returncode, done.stdout.startswith("--- gpu01\ngpu01\n--- gpu02 ")) == (3, True)


def test_a_host_key_that_has_changed(lab: Lab):
    gpu02 = lab.room["gpu02"]
    old = fingerprint(gpu02)
    change_host_keys(gpu02)

    assert lab.error() == (3, FAILED + changed(gpu02, old, "~/.ssh/known_hosts"))


def test_a_disk_that_is_full(lab: Lab):
    """An `up` that comes to nothing leaves nothing, so it is a failure of all."""
    with full_disk(lab.room["gpu02"]):
        seen = lab.error()

    look = "ls -A ~/.clusterkit; true"
    left = [each.inside("sh", "-c", look, user=each.user) for each in lab.room.all.values()]
    folder = f"/home/ada/.clusterkit/{lab.name}/gpu02"
    assert seen == (
        1,
        f"Error: 1 node failed\n  gpu02: {folder}/clusterkit.json cannot be written: "
        "No space left on device.\nFix: free some space on that disk\n",
    )
    assert [lab.name in names for names in left] == [False, False, False]
    assert lab.up().stdout.startswith(f"Cluster {lab.name} is up: 3 nodes, 6 slots, ")


def test_a_machine_that_stops_answering_is_named_and_the_others_go_on(lab: Lab):
    lab.up()
    with frozen(lab.room["gpu02"]):
        done = lab("exec", "@all", "--", "hostname")
        status = lab("status", "-o", "json")

    late = f"gpu02 did not answer within {TIMEOUT_S} s. "
    assert done.stdout.startswith(f"--- gpu01\ngpu01\n--- gpu02 {late}")
    assert (done.returncode, done.stdout.endswith("--- gpu03\ngpu03\n")) == (3, True)
    states = {node["name"]: node["state"] for node in json.loads(status.stdout)["nodes"]}
    assert (status.returncode, states) == (
        3,
        {"gpu01": "up", "gpu02": "unreachable", "gpu03": "up"},
    )


def test_an_address_that_another_machine_has(lab: Lab):
    wrong, right = lab.room["gpu03"].address, lab.room["gpu02"]
    nodes = {"gpu01": {}, "gpu02": {"address": wrong}}

    has = sorted((right.address, right.host), key=IPv4Address)
    assert lab.error(nodes=nodes) == (
        3,
        f"{FAILED}{wrong} is no address of this machine: its addresses are {', '.join(has)}.\n"
        "Fix: correct `address` in the inventory, or `host` if this is another machine\n",
    )


def forget(room: Machines, machine: Machine) -> None:
    """Take a machine out of the person's known_hosts."""
    lines = room.person.known_hosts.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(f"{machine.known_as} ")]
    room.person.known_hosts.write_text("".join(kept))


def fingerprint(machine: Machine) -> str:
    """Type and fingerprint of the machine's key, as OpenSSH writes them."""
    kind, key = machine.host_key().split()
    digest = b64encode(hashlib.sha256(b64decode(key)).digest()).decode().rstrip("=")
    return f"{kind} SHA256:{digest}"


def changed(machine: Machine, old: str, file: str) -> str:
    """What is said of a machine with another host key than ``file`` has."""
    where = "" if file.startswith("~") else f"-f {file} "
    return (
        f"the host key of {machine.name} has changed: {file} has {old}, "
        f"the machine offers {fingerprint(machine)}.\n"
        f"Fix: if the machine was made anew, `ssh-keygen {where}-R '{machine.known_as}'`; "
        "if not, somebody else answers in its place\n"
    )


@contextlib.contextmanager
def mended(lab: Lab, pinned: Path) -> Iterator[None]:
    """Trust the new key afterwards, so that the cluster can be taken down."""
    try:
        yield
    finally:
        pinned.unlink()
        lab.room.know_hosts()
