"""Change whether a container runs, and on which network."""

from __future__ import annotations

from collections.abc import Callable

import docker.errors

from clusterkit.command import DockerCall

OnProgress = Callable[[str], None]
"""Takes a line of a long operation."""

Operation = Callable[[docker.APIClient, DockerCall, OnProgress], str]
"""Does what a call asks; what it made."""

_STOP_S = 2
_NOT_FROZEN = "unable to freeze"


def _start(client: docker.APIClient, call: DockerCall, _: OnProgress) -> str:
    client.start(call.name)
    return ""


def _restart(client: docker.APIClient, call: DockerCall, _: OnProgress) -> str:
    """Restart; the engine restarts no paused container, so that one goes on first."""
    try:
        client.restart(call.name, timeout=_STOP_S)
    except docker.errors.APIError as error:
        if "is paused" not in str(error.explanation):
            raise
        client.unpause(call.name)
        client.restart(call.name, timeout=_STOP_S)
    return ""


def _kill(client: docker.APIClient, call: DockerCall, _: OnProgress) -> str:
    client.kill(call.name)
    return ""


def _pause(client: docker.APIClient, call: DockerCall, _: OnProgress) -> str:
    """Pause; under load the kernel may not have stopped all in the time that runc gives it."""
    for last in (False, False, True):
        try:
            client.pause(call.name)
            break
        except docker.errors.APIError as error:
            if last or _NOT_FROZEN not in str(error.explanation):
                raise
    return ""


def _unpause(client: docker.APIClient, call: DockerCall, _: OnProgress) -> str:
    client.unpause(call.name)
    return ""


def _connect(client: docker.APIClient, call: DockerCall, _: OnProgress) -> str:
    arguments = call.arguments
    client.connect_container_to_network(
        call.name,
        arguments["network"],
        ipv4_address=arguments["address"],
        aliases=list(arguments["aliases"]),
    )
    return ""


def _disconnect(client: docker.APIClient, call: DockerCall, _: OnProgress) -> str:
    client.disconnect_container_from_network(call.name, call.arguments["network"])
    return ""


RUNNING: dict[str, Operation] = {
    "start": _start,
    "restart": _restart,
    "kill": _kill,
    "pause": _pause,
    "unpause": _unpause,
    "connect": _connect,
    "disconnect": _disconnect,
}
"""The operations by name."""
