"""What a Docker engine refuses, in words that say what to do about it."""

from __future__ import annotations

import re
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import docker.errors
import requests.exceptions

from clusterkit.command import HOST, DockerCall, DockerLook
from clusterkit.errors import ClusterkitError, NotOurs, TransportError
from clusterkit.transports.docker_client import no_answer

_RLIMITS = {
    getattr(resource, name): name.removeprefix("RLIMIT_").lower()
    for name in dir(resource)
    if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"
}


@contextmanager
def translated(
    call: DockerCall | DockerLook,
    node: str = HOST,
    why: Callable[[BaseException], str] = no_answer,
) -> Iterator[None]:
    """Raise what the SDK raises as errors of ours; ``why`` tells why an engine is silent."""
    try:
        yield
    except docker.errors.APIError as error:
        raise _refused(call, str(error.explanation or error), error.status_code) from error
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise TransportError(node, why(error)) from error


def build_failed(image: str, log: list[str]) -> ClusterkitError:
    """The error for a build, with the end of its log."""
    tail = "\n".join(log[-10:])
    return ClusterkitError(
        f"image {image} was not built. Fix: mend the Dockerfile; the build ended with\n{tail}"
    )


def not_pulled(image: str, said: str) -> ClusterkitError:
    """The error for an image that is not to be had."""
    return ClusterkitError(
        f"image {image} is not on this Docker host and cannot be pulled: {said}. "
        "Fix: check the name, or add `build:` to the container's section"
    )


def _refused(call: DockerCall | DockerLook, said: str, status: int | None) -> ClusterkitError:
    """The error for one refusal; the engine tells reasons apart in words only."""
    name = call.name if isinstance(call, DockerCall) else call.cluster
    arguments = call.arguments if isinstance(call, DockerCall) else {}
    operation = call.operation if isinstance(call, DockerCall) else "look"
    if operation == "pull" or (operation == "create" and "No such image" in said):
        return not_pulled(str(arguments.get("image", name)), said)
    if found := re.search(r"bind source path does not exist: (.*)", said):
        return ClusterkitError(
            f"{name}: there is no folder {found[1]} on this Docker host. "
            "Fix: make it, or correct `mounts` in the inventory"
        )
    if found := re.search(r"setting rlimit type (\d+)", said):
        limit = _RLIMITS.get(int(found[1]), f"number {found[1]}")
        return ClusterkitError(
            f"{name}: this machine refuses the ulimit {limit}: operation not permitted. "
            f"Fix: take `ulimits.{limit}` out of the inventory, "
            "or run dockerd with CAP_SYS_RESOURCE"
        )
    if found := re.search(r"adding custom device \"([^\"]*)\"", said):
        return ClusterkitError(
            f"{name}: there is no device {found[1]} on this Docker host. "
            "Fix: load its driver, or take it out of `devices` in the inventory"
        )
    if found := re.search(r":(\d+)(?: failed: port is already|: bind: address already)", said):
        return ClusterkitError(
            f"{name}: port {found[1]} of the host is taken. "
            "Fix: choose another in `ports`, or stop what listens there"
        )
    if re.search("address already in use", said, re.IGNORECASE):
        return ClusterkitError(
            f"{name}: the address {arguments.get('address', 'that it has')} is taken on its "
            "network. Fix: choose another address, or remove the container that has it"
        )
    if "Pool overlaps" in said:
        return ClusterkitError(
            f"the subnet {arguments.get('subnet')} of network {name} overlaps one that this "
            "machine uses. Fix: choose another `network.subnet`"
        )
    if "could not select device driver" in said:
        return ClusterkitError(
            f"{name}: this Docker host has no support for GPUs. "
            "Fix: install the NVIDIA container toolkit, or take `gpus` out of the inventory"
        )
    if operation in ("create", "network") and status == 409:
        return NotOurs(
            f"something named {name} exists already on this Docker host. "
            "Fix: rename the cluster, or remove it yourself"
        )
    return ClusterkitError(
        f"docker {operation} {name}: {said}. Fix: correct what it names in the inventory; if it "
        "names nothing of yours, `journalctl -u docker` on that host says more"
    )
