"""What each task of the provider plans from what a Docker engine tells."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterkit.command import HOST, Command, DockerCall, DockerLook, Put, Result, Step
from clusterkit.errors import ClusterkitError, NotOurs
from clusterkit.model.cluster import Build, Container, Mount, Storage
from clusterkit.providers import docker
from clusterkit.providers.docker.containers import Containers
from clusterkit.providers.docker.gone import Gone
from clusterkit.providers.docker.image import Image
from clusterkit.providers.docker.login import SshdAnswers, login_files, ssh_config
from clusterkit.providers.docker.network import Network
from clusterkit.providers.docker.spec import create_arguments, differing_fields
from clusterkit.providers.docker.sshd import sshd_files
from clusterkit.providers.docker.volume import Volume
from clusterkit.tasks.base import Change
from tests.unit.pair import node, pair, trust

PAIR = pair()
SPEC = "clusterkit.spec"
SUBNET = "192.168.123.0/24"


def answer(task, **found) -> Result:
    """What the engine says to the task's question, as transports/docker_look.py writes it."""
    nothing = {"engine": {}, "networks": [], "containers": [], "volumes": []}
    return Result(HOST, task.probe(), 0, json.dumps(nothing | {"images": {}, "files": {}} | found))


def box(cluster, one, **changes) -> dict:
    """The container of a node, running as the inventory says."""
    arguments = create_arguments(cluster, one)
    return {
        "name": f"{cluster.name}-{one.name}",
        "id": f"id of {one.name}",
        "labels": arguments["labels"],
        "state": "running",
        "exit_code": 0,
        "image": arguments["image"],
        "image_id": "sha256:1",
        "addresses": {arguments["network"]: one.address},
        "started_at": "2026-01-01T00:00:00Z",
    } | changes


def listed(files: tuple[Put, ...]) -> dict[str, list[str]]:
    return {
        file.path: [f"{file.mode:o}", hashlib.sha256(file.content).hexdigest()] for file in files
    }


def right(cluster, **changes) -> dict:
    """What is found when everything is as it should be."""
    return {
        "containers": [box(cluster, one) for one in cluster.nodes],
        "images": {"clusterkit/node-cpu": {"id": "sha256:1", "labels": {}, "created": ""}},
        "files": {
            f"{cluster.name}-{one.name}": listed(sshd_files(cluster, trust(cluster), one))
            for one in cluster.nodes
        },
    } | changes


def planned(cluster=PAIR, **changes) -> tuple[Step, ...]:
    task = Containers(cluster, trust(cluster))
    return task.plan(answer(task, **right(cluster, **changes))).steps


def created(cluster, one) -> tuple[Step, Step]:
    name = f"{cluster.name}-{one.name}"
    arguments = create_arguments(cluster, one)
    create = DockerCall("create", name, arguments, sshd_files(cluster, trust(cluster), one))
    return (
        Step(one.name, f"create container {name} from {arguments['image']}", create, "+"),
        Step(one.name, f"start container {name}", DockerCall("start", name), "+"),
    )


def removed(one: str, why: str) -> Step:
    name = f"pair-{one}"
    return Step(one, f"remove container {name}: {why}", DockerCall("remove", name), "-")


def restarted(one: str, why: str) -> Step:
    name = f"pair-{one}"
    return Step(one, f"restart container {name}: {why}", DockerCall("restart", name))


# Containers


def test_one_question_asks_for_all_that_the_plan_needs():
    assert Containers(PAIR, trust(PAIR)).probe() == DockerLook(
        "pair", ("pair-node1", "pair-node2"), ("clusterkit/node-cpu",), "/var/lib/clusterkit/sshd"
    )


def test_where_nothing_is_there_every_container_is_created_with_its_keys_and_started():
    task = Containers(PAIR, trust(PAIR))
    steps = (*created(PAIR, PAIR.nodes[0]), *created(PAIR, PAIR.nodes[1]))

    assert task.plan(answer(task)) == Change("2 containers run", steps)
    assert task.plan(None) == Change("2 containers run", steps)


def test_the_arguments_of_a_container_are_those_of_the_inventory():
    container = Container(
        "img:1",
        env={"HF_TOKEN": "hunter2"},
        mounts=(Mount("/data", "/d", read_only=True),),
        ports=("8000:8000",),
        shm_size="1g",
        ipc="host",
        ulimits={"memlock": -1},
    )
    one = node(1, container=container, gpus=(0, 3))
    arguments = create_arguments(pair(nodes=(one,)), one)

    spec_label = arguments["labels"].pop(SPEC)
    assert arguments == {
        "image": "img:1",
        "hostname": "node1",
        "command": [
            "sh",
            "-c",
            'mkdir -p /run/sshd && exec "$(command -v sshd || echo /usr/sbin/sshd)" -D -e -f "$1"',
            "sh",
            "/var/lib/clusterkit/sshd/sshd_config",
        ],
        "env": {"HF_TOKEN": "hunter2"},
        "network": "clusterkit-pair",
        "address": "192.168.123.111",
        "aliases": ["node1"],
        "mounts": [
            {
                "type": "volume",
                "source": "clusterkit-pair-storage",
                "target": "/shared",
                "read_only": False,
            },
            {"type": "bind", "source": "/data", "target": "/d", "read_only": True},
        ],
        "ports": ["8000:8000"],
        "shm_size": "1g",
        "ipc": "host",
        "ulimits": {"memlock": -1},
        "gpus": [0, 3],
        "init": True,
        "labels": {"clusterkit.cluster": "pair", "clusterkit.node": "node1"},
    }
    assert "hunter2" not in spec_label
    assert sorted(json.loads(spec_label)) == sorted(arguments.keys() - {"labels"})


def test_the_storage_may_be_a_folder_of_the_host():
    cluster = pair(storage=Storage("bind", "/shared", "/srv/models"))

    assert create_arguments(cluster, node(1))["mounts"] == [
        {"type": "bind", "source": "/srv/models", "target": "/shared", "read_only": False}
    ]


def test_where_all_is_as_it_should_be_nothing_is_done():
    task = Containers(PAIR, trust(PAIR))

    assert task.plan(answer(task, **right(PAIR))) == Change("2 containers run")


@pytest.mark.parametrize("state", ["exited", "created", "dead"])
def test_a_container_that_does_not_run_is_started(state):
    boxes = [box(PAIR, node(1)), box(PAIR, node(2), state=state)]

    assert planned(containers=boxes) == (
        Step(
            "node2",
            f"start container pair-node2: it is {state}",
            DockerCall("start", "pair-node2"),
        ),
    )


def test_a_paused_container_is_restarted():
    boxes = [box(PAIR, node(1), state="paused"), box(PAIR, node(2))]

    assert planned(containers=boxes) == (restarted("node1", "it is paused"),)


def with_container(**changes) -> dict:
    return {"container": Container(**({"image": "clusterkit/node-cpu"} | changes))}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        (with_container(image="other:1"), "image"),
        (with_container(env={"A": "b"}), "env"),
        (with_container(ulimits={"memlock": -1}), "ulimits"),
        (with_container(mounts=(Mount("/a", "/b"),)), "mounts"),
        (with_container(ports=("80:80",)), "ports"),
        (with_container(shm_size="2g"), "shm_size"),
        (with_container(ipc="host"), "ipc"),
        (with_container(ipc="host", env={"A": "b"}), "env, ipc"),
        ({"address": "192.168.123.99"}, "address"),
        ({"gpus": (0,)}, "gpus"),
    ],
)
def test_a_changed_setting_recreates_the_container_and_is_named(changes, names):
    changed = replace(node(2), **changes)
    wanted = pair(nodes=(node(1), changed))

    steps = planned(
        wanted,
        containers=[box(PAIR, node(1)), box(PAIR, node(2))],
        images={"other:1": {"id": "sha256:9", "labels": {}, "created": ""}},
    )

    assert steps == (removed("node2", f"{names} changed"), *created(wanted, changed))


def test_a_setting_that_does_not_concern_the_container_changes_nothing():
    assert planned(pair(nodes=(node(1), node(2, slots=7, python="/opt/python")))) == ()


def test_another_storage_recreates_every_container():
    wanted = pair(storage=Storage("bind", "/shared", "/srv"))

    assert planned(wanted, containers=[box(PAIR, node(1)), box(PAIR, node(2))]) == (
        removed("node1", "mounts changed"),
        *created(wanted, node(1)),
        removed("node2", "mounts changed"),
        *created(wanted, node(2)),
    )


def test_a_container_of_an_older_image_of_that_name_is_recreated():
    images = {"clusterkit/node-cpu": {"id": "sha256:2", "labels": None, "created": ""}}

    assert planned(images=images) == (
        removed("node1", "image changed"),
        *created(PAIR, node(1)),
        removed("node2", "image changed"),
        *created(PAIR, node(2)),
    )


def test_a_container_whose_image_is_gone_from_the_host_stays():
    assert planned(images={"clusterkit/node-cpu": None}) == ()


def test_a_container_without_the_label_of_its_settings_is_recreated():
    labels = {"clusterkit.cluster": "pair", "clusterkit.node": "node1"}
    boxes = [box(PAIR, node(1), labels=labels), box(PAIR, node(2))]

    assert planned(containers=boxes) == (
        removed("node1", "everything changed"),
        *created(PAIR, node(1)),
    )


def test_the_container_of_a_node_that_left_the_inventory_is_removed():
    assert planned(containers=[*right(PAIR)["containers"], box(PAIR, node(3))]) == (
        removed("node3", "is not in the inventory"),
    )


def test_a_container_of_ours_that_tells_no_node_is_removed_all_the_same():
    lost = box(PAIR, node(3), labels={"clusterkit.cluster": "pair"})

    assert planned(containers=[*right(PAIR)["containers"], lost]) == (
        Step(
            HOST,
            "remove container pair-node3: is not in the inventory",
            DockerCall("remove", "pair-node3"),
            "-",
        ),
    )


def test_a_node_that_joins_the_inventory_is_created_and_the_others_stay():
    wanted = pair(nodes=(node(1), node(2), node(3)))

    assert planned(wanted, **right(PAIR)) == created(wanted, node(3))


@pytest.mark.parametrize("labels", [{}, None, {"clusterkit.cluster": "another"}])
def test_a_container_that_is_not_ours_is_never_touched(labels):
    boxes = [box(PAIR, node(1), labels=labels), box(PAIR, node(2), state="exited")]

    with pytest.raises(NotOurs) as caught:
        planned(containers=boxes)

    assert str(caught.value) == (
        "node1: a container named pair-node1 exists that clusterkit did not make. "
        "Fix: rename the cluster, or remove that container yourself"
    )


@pytest.mark.parametrize("labels", [{}, None, {"clusterkit.cluster": "another"}])
def test_a_container_of_another_name_that_is_not_ours_is_left_alone(labels):
    other = box(PAIR, node(9), labels=labels)

    assert planned(containers=[*right(PAIR)["containers"], other]) == ()


# sshd's files

FOLDER = "/var/lib/clusterkit/sshd"


def damaged(**changes) -> dict:
    """What is found when files of node1 differ; None: not there."""
    files = right(PAIR)["files"]
    for name, what in changes.items():
        files["pair-node1"][f"{FOLDER}/{name}"] = what
    files["pair-node1"] = {path: what for path, what in files["pair-node1"].items() if what}
    return files


def put(name: str, what: str) -> Step:
    (file,) = [
        file for file in sshd_files(PAIR, trust(PAIR), node(1)) if file.path == f"{FOLDER}/{name}"
    ]
    return Step("node1", f"{what}", DockerCall("put", "pair-node1", files=(file,)))


@pytest.mark.parametrize(
    ("found", "summary"),
    [
        (None, f"create {FOLDER}/host_key"),
        (["600", "0" * 64], f"rewrite {FOLDER}/host_key"),
        (
            ["644", trust(PAIR).hosts["node1"].private],
            f"change mode of {FOLDER}/host_key: 644 to 600",
        ),
    ],
)
def test_a_file_of_sshd_that_differs_is_put_and_the_container_restarted(found, summary):
    if found and isinstance(found[1], bytes):
        found = [found[0], hashlib.sha256(found[1]).hexdigest()]

    assert planned(files=damaged(host_key=found)) == (
        put("host_key", summary),
        restarted("node1", "sshd reads its files when it starts"),
    )


def test_a_stopped_container_gets_its_files_before_it_starts():
    boxes = [box(PAIR, node(1), state="exited"), box(PAIR, node(2))]

    assert planned(containers=boxes, files=damaged(authorized_keys=None)) == (
        put("authorized_keys", f"create {FOLDER}/authorized_keys"),
        Step(
            "node1",
            "start container pair-node1: it is exited",
            DockerCall("start", "pair-node1"),
        ),
    )


@pytest.mark.parametrize("nothing", [{}, None])
def test_a_container_without_the_folder_gets_all_files(nothing):
    files = right(PAIR)["files"] | {"pair-node1": nothing}

    assert planned(files=files) == (
        put("sshd_config", f"create {FOLDER}/sshd_config"),
        put("host_key", f"create {FOLDER}/host_key"),
        put("authorized_keys", f"create {FOLDER}/authorized_keys"),
        restarted("node1", "sshd reads its files when it starts"),
    )


def test_the_files_of_sshd():
    config, host_key, authorized = sshd_files(PAIR, trust(PAIR), node(2))

    assert config == Put(
        f"{FOLDER}/sshd_config",
        b"""\
# Made by clusterkit: keys only, on the cluster network only.
ListenAddress 192.168.123.112
HostKey /var/lib/clusterkit/sshd/host_key
AuthorizedKeysFile /var/lib/clusterkit/sshd/authorized_keys
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes yes
UseDNS no
PidFile none
PrintMotd no
X11Forwarding no
# One connection carries all channels of a verb; many nodes may call the head at once.
MaxSessions 100
MaxStartups 200
""",
    )
    assert host_key == Put(f"{FOLDER}/host_key", b"private host-node2\n", 0o600)
    assert authorized == Put(
        f"{FOLDER}/authorized_keys",
        b"ssh-ed25519 operator clusterkit-pair-operator\nssh-ed25519 head clusterkit-pair-head\n",
        0o600,
    )


# Who may log in where


def test_sshd_that_answers_is_left_alone():
    task = SshdAnswers(PAIR, "node1")

    assert task.probe() == Command(("true",), timeout_s=10)
    assert task.plan(Result("node1", task.probe(), 0)) == Change("sshd answers")
    assert task.plan(None) == Change("sshd answers")


def test_sshd_that_does_not_answer_is_restarted_with_its_container():
    task = SshdAnswers(PAIR, "node1")

    change = task.plan(Result("node1", task.probe(), 255, stderr="node1: it refused. Fix: wait\n"))

    assert change == Change(
        "restart",
        (restarted("node1", "nobody can log in: it refused"),),
        settles_s=10.0,
    )
    assert task.needs_answer is False


@pytest.mark.parametrize("addresses", [{}, {"clusterkit-pair": "192.168.123.99"}])
def test_a_container_that_is_not_in_its_place_on_the_network_is_recreated(addresses):
    first, second = PAIR.nodes
    found = [box(PAIR, first, addresses=addresses), box(PAIR, second)]

    steps = planned(containers=found)

    why = f"is not at {first.address} on network clusterkit-pair"
    remove = DockerCall("remove", "pair-node1")
    summary = f"remove container pair-node1: {why}"
    assert steps == (Step("node1", summary, remove, "-"), *created(PAIR, first))


def test_the_private_key_lies_on_the_head_only_and_is_removed_elsewhere():
    everywhere = (
        Put("/var/lib/clusterkit/ssh/config", ssh_config(PAIR).encode()),
        Put(
            "/var/lib/clusterkit/ssh/known_hosts",
            b"node1,192.168.123.111 ssh-ed25519 host-node1\n"
            b"node2,192.168.123.112 ssh-ed25519 host-node2\n",
        ),
        Put(
            "/etc/ssh/ssh_config.d/clusterkit.conf",
            b"Include /var/lib/clusterkit/ssh/config\n",
        ),
        Put("/var/lib/clusterkit/hostfile", b"node1 slots=2\nnode2 slots=2\n"),
    )
    head, other = (login_files(PAIR, trust(PAIR), one) for one in PAIR.nodes)
    key = "/var/lib/clusterkit/ssh/id_ed25519"

    assert (head.node, head.files, head.absent) == (
        "node1",
        (*everywhere, Put(key, b"private head\n", 0o600)),
        (),
    )
    assert (other.node, other.files, other.absent) == ("node2", everywhere, (key,))


def test_the_ssh_config_of_the_nodes():
    assert (
        ssh_config(PAIR)
        == """\
Host node1
  HostName 192.168.123.111
Host node2
  HostName 192.168.123.112
Host *
  User root
  IdentityFile /var/lib/clusterkit/ssh/id_ed25519
  IdentitiesOnly yes
  UserKnownHostsFile /var/lib/clusterkit/ssh/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  PasswordAuthentication no
  BatchMode yes
  ConnectTimeout 10
  # The post-quantum exchange costs several times the CPU; the network is the cluster's own.
  KexAlgorithms curve25519-sha256
"""
    )


def test_private_keys_are_not_in_what_is_printed():
    secrets = [pair.private.decode().strip() for pair in trust(PAIR).hosts.values()]
    printed = repr(trust(PAIR)) + repr(Containers(PAIR, trust(PAIR)).plan(None))

    assert not [secret for secret in secrets if secret in printed]


# The label of the settings

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(old=VALUES, new=VALUES)
def test_a_label_tells_an_environment_from_another_and_from_nothing_else(old, new):
    def label(value):
        one = node(1, container=Container("img", env={"A": json.dumps(value)}))
        return create_arguments(PAIR, one)["labels"][SPEC]

    expected = [] if json.dumps(old) == json.dumps(new) else ["env"]
    assert differing_fields(label(new), label(old)) == expected


def test_a_label_of_a_version_with_other_settings_names_them():
    assert differing_fields('{"a": "1", "b": "2"}', '{"b": "2", "c": "3"}') == ["a", "c"]


# The network

CREATE_NETWORK = Step(
    HOST,
    "create network clusterkit-pair (192.168.123.0/24)",
    DockerCall(
        "network",
        "clusterkit-pair",
        {"subnet": "192.168.123.0/24", "labels": {"clusterkit.cluster": "pair"}},
    ),
    "+",
)


def network(name="clusterkit-pair", subnets=(SUBNET,), **changes) -> dict:
    labels = {"clusterkit.cluster": "pair"} if name == "clusterkit-pair" else {}
    return {
        "name": name,
        "id": "1",
        "labels": labels,
        "subnets": subnets and list(subnets),
    } | changes


def plan_network(*networks, containers=()) -> Change:
    task = Network(PAIR)
    return task.plan(answer(task, networks=list(networks), containers=list(containers)))


def test_a_network_that_is_not_there_is_created():
    elsewhere = [
        network("bridge", ["172.17.0.0/16"]),
        network("host", [], labels=None),
        network("odd", None, labels=None),
        network("v6", ["fd00::/64"]),
    ]
    assert plan_network(*elsewhere) == Change("create the network", (CREATE_NETWORK,))
    assert Network(PAIR).plan(None) == Change("create the network", (CREATE_NETWORK,))


def test_a_network_that_is_there_stays():
    assert plan_network(network()) == Change("network clusterkit-pair is 192.168.123.0/24")


@pytest.mark.parametrize("labels", [{}, None, {"clusterkit.cluster": "another"}])
def test_a_network_that_is_not_ours_is_never_touched(labels):
    with pytest.raises(NotOurs) as caught:
        plan_network(network(labels=labels))

    assert str(caught.value) == (
        "a network named clusterkit-pair exists that clusterkit did not make. "
        "Fix: rename the cluster, or remove that network yourself"
    )


@pytest.mark.parametrize("taken", ["192.168.0.0/16", "192.168.123.128/25", "192.168.123.5/24"])
def test_a_subnet_that_is_taken_names_who_has_it(taken):
    with pytest.raises(ClusterkitError) as caught:
        plan_network(network("office", [taken]))

    assert str(caught.value) == (
        f"subnet 192.168.123.0/24 is taken: the Docker network office has {taken}. "
        "Fix: choose another `network.subnet` in the inventory (and its addresses)"
    )


def test_a_network_with_another_subnet_is_replaced_containers_first():
    theirs = box(PAIR, node(9), labels=None)

    change = plan_network(
        network(subnets=["10.0.0.0/24"]), containers=[box(PAIR, node(1)), theirs]
    )

    assert change == Change(
        "replace the network",
        (
            Step(HOST, "remove container pair-node1", DockerCall("remove", "pair-node1"), "-"),
            Step(
                HOST,
                "remove network clusterkit-pair",
                DockerCall("remove-network", "clusterkit-pair"),
                "-",
            ),
            CREATE_NETWORK,
        ),
    )


# The volume

CREATE_VOLUME = Step(
    HOST,
    "create volume clusterkit-pair-storage",
    DockerCall("volume", "clusterkit-pair-storage", {"labels": {"clusterkit.cluster": "pair"}}),
    "+",
)


def plan_volume(*volumes) -> Change:
    task = Volume(PAIR)
    return task.plan(answer(task, volumes=list(volumes)))


def test_a_volume_that_is_not_there_is_created():
    lock = {"name": "clusterkit-pair-lock", "labels": {"clusterkit.lock": "{}"}}

    assert plan_volume(lock) == Change("create the volume", (CREATE_VOLUME,))
    assert Volume(PAIR).plan(None) == Change("create the volume", (CREATE_VOLUME,))


def test_a_volume_that_is_there_stays():
    ours = {"name": "clusterkit-pair-storage", "labels": {"clusterkit.cluster": "pair"}}

    assert plan_volume(ours) == Change("volume clusterkit-pair-storage is there")


@pytest.mark.parametrize("labels", [{}, None, {"clusterkit.cluster": "another"}])
def test_a_volume_that_is_not_ours_is_never_touched(labels):
    with pytest.raises(NotOurs) as caught:
        plan_volume({"name": "clusterkit-pair-storage", "labels": labels})

    assert str(caught.value) == (
        "a volume named clusterkit-pair-storage exists that clusterkit did not make. "
        "Fix: rename the cluster, or remove that volume yourself"
    )


# Images


def test_images_are_pulled_or_built_once_and_used_where_they_are():
    build = Build("/repo", "images/node.Dockerfile", {"A": "1"}, "host")
    nodes = (
        node(1, container=Container("built", build)),
        node(2, container=Container("built", build)),
        node(3, container=Container("pulled")),
        node(4, container=Container("there")),
    )
    task = Image(pair(nodes=nodes))
    there = {"there": {"id": "sha256:1", "labels": None, "created": ""}, "pulled": None}

    assert task.probe() == DockerLook("pair", images=("built", "pulled", "there"))
    assert task.plan(answer(task, images=there)) == Change(
        "image built, pulled, there is there",
        (
            Step(
                HOST,
                "build image built from images/node.Dockerfile",
                DockerCall(
                    "build",
                    "built",
                    {
                        "context": "/repo",
                        "dockerfile": "images/node.Dockerfile",
                        "args": {"A": "1"},
                        "network": "host",
                        "labels": {},
                    },
                ),
                "+",
            ),
            Step(HOST, "pull image pulled", DockerCall("pull", "pulled"), "+"),
        ),
    )


# Taking it all away


def gone(kind, **found) -> tuple[Step, ...]:
    task = Gone(PAIR, kind)
    return task.plan(answer(task, **found)).steps


OTHERS = [{"name": "theirs", "labels": None}, {"name": "clusterkit-x", "labels": {"a": "b"}}]


def test_containers_of_the_cluster_go_and_others_stay():
    boxes = [box(PAIR, node(1)), box(PAIR, node(2), state="exited"), *OTHERS]

    assert gone("containers", containers=boxes) == (
        Step("node1", "remove container pair-node1", DockerCall("remove", "pair-node1"), "-"),
        Step("node2", "remove container pair-node2", DockerCall("remove", "pair-node2"), "-"),
    )


def test_networks_of_the_cluster_go_and_others_stay():
    assert gone("networks", networks=[*OTHERS, network()]) == (
        Step(
            HOST,
            "remove network clusterkit-pair",
            DockerCall("remove-network", "clusterkit-pair"),
            "-",
        ),
    )


def test_volumes_of_the_cluster_go_and_the_lock_stays_with_its_holder():
    ours = {"clusterkit.cluster": "pair"}
    lock = {"name": "clusterkit-pair-lock", "labels": ours | {"clusterkit.lock": "{}"}}
    storage = {"name": "clusterkit-pair-storage", "labels": ours}

    assert gone("volumes", volumes=[*OTHERS, lock, storage]) == (
        Step(
            HOST,
            "remove volume clusterkit-pair-storage",
            DockerCall("remove-volume", "clusterkit-pair-storage"),
            "-",
        ),
    )


def test_what_is_gone_says_so():
    task = Gone(PAIR, "networks")

    assert task.plan(answer(task)) == Change("no networks of pair are left")


def test_a_dry_run_of_down_tells_what_the_inventory_made():
    def operations(cluster):
        return [
            (step.node, str(step.action))
            for stage in docker.down(cluster)
            for task in stage.tasks
            for step in task.plan(None).steps
        ]

    assert operations(PAIR) == [
        ("node1", "docker remove pair-node1"),
        ("node2", "docker remove pair-node2"),
        (HOST, "docker remove-network clusterkit-pair"),
        (HOST, "docker remove-volume clusterkit-pair-storage"),
    ]
    bind = pair(storage=Storage("bind", "/shared", "/srv"))
    assert operations(bind) == operations(PAIR)[:3]


# The stages


def test_the_stages_of_up_and_down():
    def shape(stages):
        return [
            (stage.name, [(type(task).__name__, task.node) for task in stage.tasks])
            for stage in stages
        ]

    assert shape(docker.up(PAIR, trust(PAIR))) == [
        ("machines", [("Image", HOST), ("Network", HOST), ("Volume", HOST)]),
        ("nodes", [("Containers", HOST)]),
        (
            "trust",
            [
                ("SshdAnswers", "node1"),
                ("Files", "node1"),
                ("SshdAnswers", "node2"),
                ("Files", "node2"),
            ],
        ),
    ]
    assert shape(docker.down(PAIR)) == [
        ("nodes", [("Gone", HOST)]),
        ("machines", [("Gone", HOST), ("Gone", HOST)]),
    ]


def test_a_folder_of_the_host_is_no_object_to_make_and_is_kept():
    bind = pair(storage=Storage("bind", "/shared", "/srv"))

    assert [type(task).__name__ for task in docker.up(bind, trust(bind))[0].tasks] == [
        "Image",
        "Network",
    ]
    assert docker.kept(bind) == ("/srv",)
    assert docker.kept(PAIR) == ()
