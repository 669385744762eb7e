"""What of a Docker engine may go: only what our own crashed runs left."""

from __future__ import annotations

import pytest

from clusterkit.command import DockerCall
from clusterkit.providers.docker.abandoned import (
    HeldBy,
    OnEngine,
    Thing,
    Verdict,
    clusters_on,
    judge,
)
from clusterkit.providers.docker.names import made_by

BOX = Thing("container", "pair-node1", "me", is_running=True)
PAIR = OnEngine("pair", (BOX, Thing("network", "clusterkit-pair", "me")))
DEAD = HeldBy("ann@here runs `clusterkit up`", "dead", is_own=True)


def says(answer):
    return lambda maker: answer if maker == "me" else "not ours"


def test_things_are_of_the_cluster_that_their_label_names():
    def row(name, **labels):
        return {
            "name": name,
            "labels": {f"clusterkit.{key}": text for key, text in labels.items()},
        }

    answer = {
        "containers": [row("pair-node1", cluster="pair", state="me") | {"state": "running"}],
        "networks": [row("clusterkit-pair", cluster="pair"), {"name": "bridge", "labels": None}],
        "volumes": [row("clusterkit-other-lock", locks="other", state="you")],
    }

    assert clusters_on(answer) == (
        OnEngine("other", (), ("you",)),
        OnEngine("pair", (BOX, Thing("network", "clusterkit-pair", None))),
    )


@pytest.mark.parametrize(
    ("holder", "known", "jobs", "verdict"),
    [
        (None, "no", (), Verdict(goes=True, why="no state knows it")),
        (None, "up", (), Verdict(goes=False, why="it is up and known", lock_only=True)),
        (None, "half", (), Verdict(goes=False, why="it is known, and never came up whole")),
        (None, "no", ("infer-1",), Verdict(goes=False, why="job infer-1 runs there")),
        (DEAD, "half", (), Verdict(goes=True, why=f"{DEAD.told}, and is gone")),
        (DEAD, "up", (), Verdict(goes=True, why=f"{DEAD.told}, and is gone", lock_only=True)),
    ],
)
def test_who_knows_it_and_who_holds_it_decide(holder, known, jobs, verdict):
    assert judge(PAIR, holder, says(known), jobs) == verdict


@pytest.mark.parametrize(
    "holder",
    [HeldBy("a", "living", True), HeldBy("a", "silent", True), HeldBy("a", "dead", False)],
)
def test_who_is_not_seen_to_be_gone_keeps_all(holder):
    stays = Verdict(goes=False, why="a, and is not seen to be gone")
    assert judge(PAIR, holder, says("no"), ()) == stays


@pytest.mark.parametrize("maker", [None, "you"])
def test_one_thing_of_another_keeps_the_whole_cluster(maker):
    mixed = OnEngine("pair", (BOX, Thing("volume", "clusterkit-pair-storage", maker)))
    stays = Verdict(goes=False, why="not made by this user from here", lock_only=True)
    assert judge(mixed, None, says("no"), ()) == stays


def test_what_is_made_tells_whose_state_it_is():
    made = made_by("me", DockerCall("network", "n", {"labels": {"clusterkit.cluster": "pair"}}))
    lock = made_by("me", DockerCall("volume", "v", {"labels": {"clusterkit.locks": "pair"}}))
    other = DockerCall("volume", "v", {"labels": {"x": "y"}})
    gone = DockerCall("remove", "c")

    assert made.arguments["labels"] == {"clusterkit.cluster": "pair", "clusterkit.state": "me"}
    assert lock.arguments["labels"] == {"clusterkit.locks": "pair", "clusterkit.state": "me"}
    assert (made_by("me", other), made_by("me", gone), made_by(None, made)) == (other, gone, made)
