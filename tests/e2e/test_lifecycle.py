"""A cluster's life: what is damaged is noticed by `plan` and mended by `up`, which then rests."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.e2e.pair import Pair


def test_the_second_up_changes_nothing(pair: Pair):
    again = pair.up()

    assert (again["changes"], again["steps"], again["nodes"], again["slots"]) == (
        0,
        [],
        ["node1", "node2"],
        4,
    )
    assert pair.planned() == []
    assert (
        pair("up", pair.file, "--yes").stdout
        == f"No changes. Cluster {pair.name} is as the inventory says.\n"
    )


def test_every_slot_has_a_rank_in_its_place(pair: Pair):
    hello = pair.answer("mpi-hello")

    rows = [(rank["node"], rank["local_rank"], rank["device"]) for rank in hello["ranks"]]
    assert rows == [
        ("node1", 0, "cpu"),
        ("node1", 1, "cpu"),
        ("node2", 0, "cpu"),
        ("node2", 1, "cpu"),
    ]
    assert (hello["ok"], hello["problems"]) == (True, [])


def stop(pair: Pair) -> None:
    pair.container("node1").stop(timeout=0)


def remove(pair: Pair) -> None:
    pair.container("node2").remove(force=True)


def pause(pair: Pair) -> None:
    pair.container("node2").pause()


def kill_sshd(pair: Pair) -> None:
    # The program that kills goes with the container, so its exit code is anything.
    pair.container("node2").exec_run(["pkill", "-KILL", "-x", "sshd"])
    pair.container("node2").wait()


def stop_sshd(pair: Pair) -> None:
    pair.inside("node2", "pkill", "-STOP", "-x", "sshd")


def disconnect(pair: Pair) -> None:
    pair.engine.networks.get(f"clusterkit-{pair.name}").disconnect(
        f"{pair.name}-node2", force=True
    )


def remove_network(pair: Pair) -> None:
    network = pair.engine.networks.get(f"clusterkit-{pair.name}")
    for node in ("node1", "node2"):
        network.disconnect(f"{pair.name}-{node}", force=True)
    network.remove()


def damage_sshd_files(pair: Pair) -> None:
    sshd = f"{pair.home}/sshd"
    pair.inside("node1", "sh", "-c", 'echo ssh-ed25519 AAAA >>"$1/authorized_keys"', "sh", sshd)
    pair.inside("node2", "rm", f"{sshd}/authorized_keys", f"{sshd}/host_key")
    pair.inside("node2", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{sshd}/host_key")
    pair.inside("node2", "rm", f"{sshd}/host_key.pub")
    pair.inside("node2", "pkill", "-HUP", "-x", "sshd")


def damage_other_files(pair: Pair) -> None:
    key = pair.inside("node1", "cat", f"{pair.home}/ssh/id_ed25519")
    write = 'printf %s "$1" >"$2"'
    pair.inside("node2", "sh", "-c", write, "sh", key, f"{pair.home}/ssh/id_ed25519")
    pair.inside("node2", "rm", f"{pair.home}/ssh/known_hosts")
    pair.inside("node2", "sh", "-c", 'rm -r "$1"/payload-*', "sh", pair.home)
    pair.inside("node1", "rm", f"{pair.home}/ssh/config")
    pair.inside("node1", "sh", "-c", write, "sh", "node1 slots=9", f"{pair.home}/hostfile")
    pair.inside("node1", "chmod", "644", f"{pair.home}/ssh/id_ed25519")


RESTART = "restart container {name}-{node}: "
RECREATED = [
    ("node2", "create container {name}-node2 from {image}"),
    ("node2", "start container {name}-node2"),
]
DAMAGE = {
    "a stopped container": (stop, [("node1", "start container {name}-node1: it is exited")]),
    "a removed container": (remove, RECREATED),
    "a paused container": (pause, [("node2", RESTART + "it is paused")]),
    "a dead sshd": (kill_sshd, [("node2", "start container {name}-node2: it is exited")]),
    "an sshd that is stopped": (
        stop_sshd,
        [
            ("node2", "put all files of sshd"),
            ("node2", RESTART + "nobody can log in: {address} did not answer within 8 s"),
        ],
    ),
    "a node off the network": (
        disconnect,
        [
            (
                "node2",
                "remove container {name}-node2: is not at {ip} on network clusterkit-{name}",
            ),
            *RECREATED,
        ],
    ),
    "files of sshd": (
        damage_sshd_files,
        [
            ("node1", "rewrite {home}/sshd/authorized_keys"),
            ("node2", "put all files of sshd"),
            ("node2", RESTART + "nobody can log in: the host key of {address} has changed"),
        ],
    ),
    "other files": (
        damage_other_files,
        [
            ("node1", "create {home}/ssh/config"),
            ("node1", "rewrite {home}/hostfile"),
            ("node1", "change mode of {home}/ssh/id_ed25519: 644 to 600"),
            ("node2", "create {home}/ssh/known_hosts"),
            ("node2", "remove {home}/ssh/id_ed25519"),
            ("node2", "unpack {payload}"),
        ],
    ),
    "no head key": (
        lambda pair: pair.inside("node1", "rm", f"{pair.home}/ssh/id_ed25519"),
        [("node1", "create {home}/ssh/id_ed25519")],
    ),
}


@pytest.mark.parametrize(("damage", "mended"), DAMAGE.values(), ids=DAMAGE.keys())
def test_what_is_damaged_is_noticed_and_mended(pair: Pair, damage, mended):
    words = words_of(pair)
    expected = [(node, text.format(**words, node=node)) for node, text in mended]

    damage(pair)
    planned = pair.planned()
    done = pair.up()

    assert by_node(planned) == expected
    assert by_node((step["node"], step["summary"]) for step in done["steps"]) == expected
    assert (done["changes"], pair.planned()) == (len(expected), [])


def by_node(steps: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Nodes are worked on at once; the steps of each are in order."""
    return sorted(steps, key=lambda step: step[0])


def test_a_cluster_that_was_damaged_in_every_way_is_whole_again(pair: Pair):
    """Runs after the damage above, and alone."""
    assert pair.answer("mpi-hello")["ok"] is True
    assert pair.inside("node2", "ls", f"{pair.home}/ssh").split() == ["config", "known_hosts"]


def test_a_removed_network_is_made_again_and_the_volume_is_kept(pair: Pair):
    pair.inside("node1", "sh", "-c", "echo kept >/shared/kept")
    remove_network(pair)
    noticed = pair.planned()

    pair.up()

    made = ("localhost", f"create network clusterkit-{pair.name} ({pair.subnet})")
    assert noticed[0] == made
    assert pair.planned() == []
    assert pair.inside("node2", "cat", "/shared/kept") == "kept\n"
    assert pair.answer("mpi-hello")["ok"] is True


def words_of(pair: Pair) -> dict[str, str]:
    """What messages say of this cluster."""
    listed = pair.inside("node1", "sh", "-c", 'echo "$1"/payload-*', "sh", pair.home)
    return {
        "name": pair.name,
        "home": pair.home,
        "image": pair.image,
        "payload": listed.strip(),
        "ip": pair.address(2),
        "address": f"{pair.address(2)}:22",
    }
