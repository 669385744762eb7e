"""Containers on machines that each have an engine of their own: two users, one behind a gate.

The tests are one life of the cluster, in order: up, used, broken and mended, down.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.e2e.container_lab import Lab, inner
from tests.e2e.controller import new_cluster_name
from tests.e2e.inner_engine import OPTIONS, load_image, start_engine
from tests.e2e.machines import Spec, machines

NODES = ("gpu01", "gpu02", "gpu03")
NO_MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade=false"
BARE_HOME = [".bash_logout", ".bashrc", ".profile", ".ssh"]


@pytest.fixture(scope="module")
def lab(
    docker_host: docker.DockerClient,
    mpi_image: str,
    mpi_machine: str,
    docker_machine: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    folder, name = tmp_path_factory.mktemp("lab"), new_cluster_name()
    with_docker = {"image": docker_machine, "options": OPTIONS}
    specs = (
        Spec("gate", user="ada", port=2222),
        Spec("gpu01", **with_docker),
        Spec("gpu02", user="ada", port=2022, **with_docker),
        Spec("gpu03", behind="gate", **with_docker),
    )
    with machines(docker_host, mpi_machine, folder / "person", *specs) as room:
        room["gpu02"].inside("usermod", "--append", "--groups", "docker", "ada")
        for each in NODES:
            start_engine(room[each])
            load_image(room[each], mpi_image)
        controller = room.controller(folder / "state", name)
        lab = Lab(room, controller, name, folder / "lab.yaml", mpi_image, ("gate",))
        lab.describe()
        try:
            yield lab
        finally:
            controller.close()


def test_up_and_the_second_up_changes_nothing(lab: Lab):
    assert lab.plan() != []
    first = lab.answer("up", lab.file, "--yes")
    second = lab.answer("up", lab.file, "--yes")

    assert (first["nodes"], first["slots"], second["changes"]) == (list(NODES), 6, 0)
    for node in NODES:
        listed = inner(lab.room[node], "ps", "--all", "--format", "{{.Names}} {{.Image}}")
        assert listed == f"{lab.box(node)} {lab.image}\n"


def test_addresses_that_are_given_are_those_that_were_found(lab: Lab):
    given = {name: {"address": lab.room[name].address, "slots": 2} for name in NODES}
    lab.describe(nodes=given)
    try:
        assert lab.answer("plan", lab.file)["changes"] == 0
    finally:
        lab.describe()


def test_every_slot_has_a_rank_in_its_container(lab: Lab):
    hello = lab.answer("mpi-hello")

    rows = [(rank["node"], rank["local_rank"]) for rank in hello["ranks"]]
    assert rows == [(name, slot) for name in NODES for slot in (0, 1)]
    assert (hello["ok"], hello["problems"]) == (True, [])


def test_commands_files_and_shells_reach_the_containers(lab: Lab, tmp_path: Path):
    text = "ünï\n" * 1000
    (tmp_path / "there").write_text(text)
    there = lab("cp", tmp_path / "there", "@all:/root/copied")
    back = lab("cp", "gpu03:/root/copied", tmp_path / "back")
    ran = lab("exec", "@all", "--", "sh", "-c", "ls /root; id -un; cat /proc/1/comm")
    shells = [lab("ssh", node, "--", "echo", "a  b", "$HOME") for node in NODES]

    assert (there.returncode, back.returncode) == (0, 0), there.stderr + back.stderr
    assert (tmp_path / "back").read_text() == text
    assert ran.stdout == "--- gpu[01-03] (3)\ncopied\nroot\ndocker-init\n"
    assert [(done.returncode, done.stdout) for done in shells] == [(0, "a  b $HOME\n")] * 3, [
        done.stderr for done in shells
    ]
    for node in NODES:
        assert "copied" not in lab.room[node].inside("ls", "-A", f"/home/{lab.room[node].user}")


def test_only_the_clusters_keys_are_in_the_containers_and_none_on_the_machines(lab: Lab):
    find = 'grep -rlIs "PRIVATE KEY" /home /root /tmp /mnt /run; true'
    assert [lab.room[node].inside("sh", "-c", find) for node in NODES] == ["", "", ""]
    keys = [row["state"] for row in lab.answer("keys", "show")["keys"]]
    assert keys == ["same"] * 5


def test_a_container_that_was_stopped_is_started(lab: Lab):
    inner(lab.room["gpu02"], "stop", "--time", "0", lab.box("gpu02"))

    assert lab.states() == {"gpu01": "up", "gpu02": "stopped", "gpu03": "up"}
    start = ("gpu02", f"start container {lab.box('gpu02')}: it is exited")
    assert lab.plan() == [start]
    assert lab.up() == [start]


def test_a_container_that_was_removed_is_made_again(lab: Lab):
    inner(lab.room["gpu03"], "rm", "--force", lab.box("gpu03"))

    assert lab.states() == {"gpu01": "up", "gpu02": "up", "gpu03": "missing"}
    made = [
        ("gpu03", f"create container {lab.box('gpu03')} from {lab.image}"),
        ("gpu03", f"start container {lab.box('gpu03')}"),
    ]
    assert lab.plan()[:2] == made
    assert lab.up()[:2] == made
    assert lab("exec", "@all", "--", "true").returncode == 0


def test_sshd_that_died_is_started_with_its_container(lab: Lab):
    inner(lab.room["gpu01"], "exec", lab.box("gpu01"), "sh", "-c", "kill -9 $(pgrep -xo sshd)")

    assert lab.up() == [("gpu01", f"start container {lab.box('gpu01')}: it is exited")]


def test_sshd_that_answers_nobody_is_noticed_by_plan_and_mended(lab: Lab):
    frozen = "kill -STOP $(pgrep -xo sshd)"
    inner(lab.room["gpu01"], "exec", lab.box("gpu01"), "sh", "-c", frozen)

    planned = lab.plan()
    assert [node for node, _ in planned] == ["gpu01"] * len(planned)
    assert planned[1][1].startswith(f"restart container {lab.box('gpu01')}: ")
    assert lab.up()[1][1].startswith(f"restart container {lab.box('gpu01')}: ")


def test_another_image_under_the_same_name_is_refused_until_it_is_sent_to_all(lab: Lab):
    right, wrong = (lab.room[node] for node in ("gpu01", "gpu03"))
    was = inner(right, "image", "inspect", "--format", "{{.Id}}", lab.image).strip()
    inner(wrong, "commit", "--change", "LABEL other=1", lab.box("gpu03"), lab.image)
    now = inner(wrong, "image", "inspect", "--format", "{{.Id}}", lab.image).strip()
    boxes = [inner(lab.room[node], "ps", "-aq", "--no-trunc") for node in NODES]

    refused = (
        1,
        f"Error: image {lab.image} is not the same everywhere: {was[7:19]} on gpu[01-02], "
        f"{now[7:19]} on gpu03.\nFix: send one to all: `clusterkit images push {lab.image} "
        "--inventory INVENTORY`\n",
    )
    assert lab.error("plan", lab.file) == refused
    assert lab.error("up", lab.file, "--yes") == refused
    assert [inner(lab.room[node], "ps", "-aq", "--no-trunc") for node in NODES] == boxes
    listed = lab("images", "ls").stdout
    assert f"runs {was[7:19]} still" in listed
    assert f"{lab.image} is not the same everywhere." in listed

    sent = lab.answer("images", "push", lab.image, "--from", "gpu01")["push"]
    rows = [(row["node"], row["state"], row["before"], row["after"]) for row in sent["nodes"]]
    assert rows == [("gpu02", "had it", was, was), ("gpu03", "loaded", now, was)]
    assert lab.answer("plan", lab.file)["changes"] == 0


def test_down_leaves_nothing_on_any_machine(lab: Lab):
    done = lab("down", "--yes")

    assert done.returncode == 0, done.stderr
    assert_gone(lab)
    left = [path for path in lab.controller.home.rglob("*") if path.is_file()]
    assert [path for path in left if path.parent.name != "audit"] == []


def test_down_without_a_state_finds_the_cluster_by_its_inventory(lab: Lab, tmp_path: Path):
    lab.answer("up", lab.file, "--yes")
    elsewhere = lab.room.controller(tmp_path / "elsewhere")
    done = elsewhere("down", "--inventory", lab.file, "--yes")

    assert done.returncode == 0, done.stderr
    assert_gone(lab)


def test_containers_on_a_network_that_docker_has_there(lab: Lab):
    """Here a bridge on each machine, and routes between them; it may be an overlay as well."""
    pair = {1: lab.room["gpu01"], 2: lab.room["gpu02"]}
    for number, machine in pair.items():
        other = 3 - number
        subnet = f"10.201.{number}.0/24"
        inner(machine, "network", "create", "--subnet", subnet, "-o", NO_MASQUERADE, "routed")
        machine.inside("ip", "route", "add", f"10.201.{other}.0/24", "via", pair[other].host)
        machine.inside("iptables", "-I", "FORWARD", "-j", "ACCEPT")
    lab.describe(
        nodes={m.name: {"slots": 2, "address": f"10.201.{n}.10"} for n, m in pair.items()},
        network={"subnet": "10.201.0.0/16"},
        container={"network": "routed"},
    )
    try:
        first = lab.answer("up", lab.file, "--yes")
        second = lab.answer("up", lab.file, "--yes")
        hello = lab.answer("mpi-hello")
        addresses = [lab("ssh", m.name, "--", "hostname", "-I").stdout for m in pair.values()]
        down = lab("down", "--yes")
    finally:
        lab.describe()

    assert (first["slots"], second["changes"], hello["ok"]) == (4, 0, True)
    assert addresses == ["10.201.1.10 \n", "10.201.2.10 \n"]
    assert down.returncode == 0, down.stderr
    assert [inner(m, "network", "rm", "routed") for m in pair.values()] == ["routed\n"] * 2
    assert_gone(lab)


def assert_gone(lab: Lab) -> None:
    for node in NODES:
        machine = lab.room[node]
        assert inner(machine, "ps", "--all", "--quiet") == ""
        assert inner(machine, "volume", "ls", "--quiet") == ""
        assert machine.inside("ls", "-A", f"/home/{machine.user}").split() == BARE_HOME
        assert "clusterkit" not in machine.authorized_keys()
