"""The three machines that tests of provider ssh speak of, as they are after first contact."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from clusterkit.model.cluster import Cluster, Container, Node, Storage
from clusterkit.model.engine import EngineSettings
from clusterkit.model.machine import Login, Machine

USERS = {1: "ubuntu", 2: "ada", 3: "ubuntu"}


def machine(number: int, **changes: Any) -> Node:
    """A bare machine that was met; the second has another user, and another port."""
    name, user = f"gpu0{number}", USERS[number]
    made = Node(
        name,
        slots=2,
        address=f"10.0.0.1{number}",
        machine=Machine(name),
        home=f"/home/{user}/.clusterkit/lab/{name}",
        login=Login(user, 2022 if number == 2 else 22, (f"ssh-ed25519 {name}",)),
    )
    return replace(made, **changes)


def lab(**changes: Any) -> Cluster:
    """Three bare machines."""
    made = Cluster(
        name="lab",
        provider="ssh",
        nodes=(machine(1), machine(2), machine(3)),
        storage=Storage("bind", "/mnt/shared"),
        engine=EngineSettings(),
        subnet="10.0.0.0/24",
        home="/var/lib/clusterkit/lab",
    )
    return replace(made, **changes)


def carried() -> Cluster:
    """A container on each of the three."""
    login = Login("root", 2222, ())
    nodes = [
        machine(number, container=Container("image"), home=None, login=login) for number in USERS
    ]
    return lab(nodes=tuple(nodes))
