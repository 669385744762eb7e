"""The machines that other tests stand on are what they claim to be; OpenSSH alone is asked."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest

from tests.e2e.machines import OTHERS, SHARED, Machines, Spec, machines
from tests.e2e.person import make_key

SPECS = (
    Spec("gate", user="ada", port=2222),
    Spec("gpu01"),
    Spec("gpu02", user="ada", port=2022),
    Spec("gpu03", behind="gate", shares_disk=False),
)
HELLO = (
    "from mpi4py import MPI; "
    "print(sorted(MPI.COMM_WORLD.allgather(MPI.Get_processor_name())), flush=True)"
)


@pytest.fixture(scope="module")
def room(
    docker_host: docker.DockerClient,
    mpi_machine: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Machines]:
    with machines(docker_host, mpi_machine, tmp_path_factory.mktemp("person"), *SPECS) as room:
        yield room


def test_the_person_logs_in_by_name_to_each_machine(room: Machines):
    said = {name: room.person.ssh(name, "whoami; hostname") for name in room.all}

    assert {name: (done.returncode, done.stdout) for name, done in said.items()} == {
        "gate": (0, "ada\ngate\n"),
        "gpu01": (0, "ubuntu\ngpu01\n"),
        "gpu02": (0, "ada\ngpu02\n"),
        "gpu03": (0, "ubuntu\ngpu03\n"),
    }
    assert room["gpu02"].authorized_keys() == room.person.public_key + OTHERS


def test_what_is_not_open_from_here_is_closed(room: Machines):
    """Neither the machine behind the gate nor the cluster network; nor root, nor another user."""
    refused = "Permission denied (publickey,password)."
    closed = {
        "behind": f"ubuntu@{room['gpu03'].host}",
        "cluster network": f"ubuntu@{room['gpu01'].address}",
    }
    patience = ("-o", "ConnectTimeout=1", "-o", "StrictHostKeyChecking=no")
    for what, place in closed.items():
        done = room.person.run("ssh", *patience, place, "true")
        assert done.returncode == 255, what
        assert "Connection timed out" in done.stderr or "No route" in done.stderr, what
    for user in ("root", "ada"):
        done = room.person.ssh(f"{user}@gpu01", "true")
        assert (done.returncode, done.stderr) == (255, f"{user}@{room['gpu01'].host}: {refused}\n")


def test_host_keys_are_each_machines_own_and_all_known(room: Machines):
    keys = {name: machine.host_key() for name, machine in room.all.items()}
    known = room.person.known_hosts.read_text()

    assert len(set(keys.values())) == len(SPECS)
    assert known == "".join(f"{room[name].known_as} {key}\n" for name, key in keys.items())
    room.person.known_hosts.write_text("")
    try:
        done = room.person.ssh("gpu01", "true")
    finally:
        room.person.known_hosts.write_text(known)
    assert (done.returncode, "Host key verification failed." in done.stderr) == (255, True)


def test_one_may_do_everything_and_the_other_is_asked_for_a_password(room: Machines):
    ubuntu, ada = (room.person.ssh(name, "sudo -n id -un") for name in ("gpu01", "gpu02"))

    assert (ubuntu.returncode, ubuntu.stdout) == (0, "root\n")
    assert (ada.returncode, ada.stderr) == (1, "sudo: a password is required\n")


def test_the_cluster_network_has_another_interface_here_and_there(room: Machines):
    found = {
        name: machine.inside("sh", "-c", f"ip -br addr | grep '{machine.address}/'").split("@")[0]
        for name, machine in room.all.items()
    }

    assert found == {"gate": "eth1", "gpu01": "eth0", "gpu02": "eth1", "gpu03": "eth0"}


def test_one_disk_is_shared_and_one_is_not(room: Machines):
    room.person.ssh("gpu01", f"echo here > {SHARED}/test")
    seen = {name: room.person.ssh(name, f"cat {SHARED}/test").stdout for name in room.all}

    assert seen == {"gate": "here\n", "gpu01": "here\n", "gpu02": "here\n", "gpu03": ""}


def test_mpirun_works_over_the_cluster_network_with_ssh_alone(room: Machines):
    """Three machines, two users, two ports; the head's key was put there by hand."""
    head, others = room["gpu01"], (room["gpu02"], room["gpu03"])
    key = room.person.home / "by-hand"
    make_key(key, comment="by hand")
    known = "".join(f"{each.known_on_cluster} {each.host_key()}\n" for each in others)
    config = "".join(
        f"Host {each.address}\n  User {each.user}\n  Port {each.port}\n" for each in others
    )
    config += "Host *\n  IdentityFile ~/by-hand\n  UserKnownHostsFile ~/known\n  BatchMode yes\n"
    for name, text in {"by-hand": key.read_text(), "known": known, "config": config}.items():
        script = 'umask 077; printf %s "$0" > ~/"$1"'
        head.inside("sh", "-c", script, text, name, user="ubuntu")
    before = [each.authorized_keys() for each in others]
    add = 'cp -p ~/.ssh/authorized_keys ~/kept; printf %s "\n$0" >> ~/.ssh/authorized_keys'
    back = "mv ~/kept ~/.ssh/authorized_keys"
    for each in others:
        each.inside("sh", "-c", add, key.with_suffix(".pub").read_text(), user=each.user)
    try:
        done = room.person.ssh("gpu01", _mpirun(room, head.address, *(o.address for o in others)))
    finally:
        for each in others:
            each.inside("sh", "-c", back, user=each.user)

    assert (done.returncode, done.stdout) == (0, "['gpu01', 'gpu02', 'gpu03']\n"), done.stderr
    assert [each.authorized_keys() for each in others] == before


def _mpirun(room: Machines, *addresses: str) -> str:
    subnet = room.cluster.subnet
    return (
        "/opt/clusterkit/bin/mpirun --prefix /opt/clusterkit "
        "--prtemca plm_ssh_agent 'ssh -F /home/ubuntu/config' --prtemca plm_ssh_no_tree_spawn 1 "
        f"--prtemca prte_if_include {subnet} --mca btl tcp,self --mca btl_tcp_if_include {subnet} "
        f"-H {','.join(f'{address}:1' for address in addresses)} -np {len(addresses)} "
        f"/opt/clusterkit/bin/python -c '{HELLO}' | head -1"
    )
