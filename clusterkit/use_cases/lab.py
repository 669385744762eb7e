"""A lab: a throwaway cluster of containers with an inventory that nobody has to write."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path

from clusterkit.command import HOST, Command, DockerLook, Step
from clusterkit.errors import ClusterkitError, UsageError
from clusterkit.events import Sink
from clusterkit.model.lab_inventory import free_subnet, lab_inventory
from clusterkit.model.lab_options import LabOptions
from clusterkit.results.lab import LabResult
from clusterkit.state import clusters
from clusterkit.state.files import write
from clusterkit.state.folders import cluster_folder
from clusterkit.transports.world import World
from clusterkit.use_cases import up as use_case_up
from clusterkit.use_cases.down import down as take_down
from clusterkit.use_cases.init import folder_with
from clusterkit.use_cases.lab_faults import refuse_others
from clusterkit.use_cases.ls import ls
from clusterkit.use_cases.session import Session, Which, find, open_containers

_PLANNED_SUBNET = "10.192.0.0/24"


def make(options: LabOptions, *, sink: Sink) -> LabResult:
    """Write the inventory into the state, and bring the lab up; one that is up is made so again.

    Raises:
        UsageError: If a cluster of this name exists and is no lab.
    """
    began = time.monotonic()
    file = _file(options.name)
    with open_containers({}) as world:
        subnet = _subnet_of(options.name) or _free_subnet(options.name, world)
    write(file, _text(options, subnet).encode())
    try:
        result = use_case_up.up(file, sink=sink)
    finally:
        if options.name not in clusters.names():  # nothing of it came to be
            clusters.forget(options.name)
    took_s = time.monotonic() - began
    return LabResult(action="up", cluster=options.name, up=result, took_s=took_s)


def make_steps(options: LabOptions, file: Path) -> list[Step]:
    """What :func:`make` would do; ``file`` is where its inventory may be written meanwhile."""
    file.write_text(_text(options, _PLANNED_SUBNET))
    return use_case_up.up_steps(file)


def list_labs() -> LabResult:
    """The clusters of this user that are labs."""
    began = time.monotonic()
    names = [name for name in clusters.names() if _is_lab(name)]
    labs = tuple(row for row in ls().clusters if row.name in names) if names else ()
    return LabResult(action="ls", labs=labs, took_s=time.monotonic() - began)


def remove(session: Session, *, sink: Sink) -> LabResult:
    """Take a lab away, whatever is broken in it.

    Raises:
        UsageError: If the cluster is no lab.
    """
    began = time.monotonic()
    refuse_others(session.cluster)
    result = take_down(session, sink=sink)
    took_s = time.monotonic() - began
    return LabResult(action="down", cluster=session.cluster.name, down=result, took_s=took_s)


def _file(name: str) -> Path:
    return cluster_folder(name) / "lab.yaml"


def _text(options: LabOptions, subnet: str) -> str:
    return lab_inventory(
        options.name,
        nodes=options.nodes,
        slots=options.slots,
        subnet=subnet,
        image=options.image,
        build_context=folder_with("images/lab.Dockerfile"),
    )


def _subnet_of(name: str) -> str | None:
    """That of the lab which is there; None where there is none."""
    if name not in clusters.names():
        return None
    cluster = find(Which(name)).cluster
    if cluster.lab is None:
        raise UsageError(f"cluster {name} exists, and is no lab. Fix: choose another `--name`")
    return cluster.subnet


def _is_lab(name: str) -> bool:
    with suppress(ClusterkitError, ValueError):  # of a state that is damaged nobody knows
        return find(Which(name)).cluster.lab is not None
    return False


def _free_subnet(name: str, world: World) -> str:
    """One that neither the Docker engine nor this machine has.

    Raises:
        UsageError: If there is none.
    """
    answer = json.loads(world.perform(HOST, DockerLook(name)).check().stdout)
    subnets = [subnet for network in answer["networks"] for subnet in network["subnets"]]
    routes = world.perform(HOST, Command(("ip", "-4", "-json", "route"), timeout_s=10))
    listed = json.loads(routes.stdout or "[]") if routes.ok else []  # without `ip`, Docker's alone
    subnets += [route["dst"] for route in listed if route["dst"] != "default"]
    taken = [IPv4Network(subnet, strict=False) for subnet in subnets if ":" not in subnet]
    found = free_subnet(name, taken)
    if found is None:
        raise UsageError("no subnet of 10.192.0.0/11 is free. Fix: take other clusters down")
    return found
