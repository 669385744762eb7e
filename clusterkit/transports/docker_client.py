"""The connection to a Docker engine, and its errors in words that say what to do."""

from __future__ import annotations

import docker
import docker.errors
import requests.exceptions

from clusterkit.command import HOST
from clusterkit.errors import TransportError
from clusterkit.transports.docker_host import docker_host

TIMEOUT_S = 300  # for one answer; pulls and builds send something more often than that
_POOL = 64


def connect(node: str = HOST) -> docker.APIClient:
    """Open the engine that DOCKER_HOST names, or this machine's, and agree on a version."""
    try:
        client = docker.from_env(timeout=TIMEOUT_S, max_pool_size=_POOL)
    except docker.errors.DockerException as error:
        raise TransportError(node, no_answer(error)) from error
    return client.api


def no_answer(error: BaseException) -> str:
    """Why an engine does not answer, and what to do about it."""
    host = docker_host()
    reason = _innermost(error)
    match reason:
        case PermissionError():
            return (
                f"Docker at {host} does not let this user in: {reason.strerror}. "
                "Fix: add your user to group docker (`sudo usermod -aG docker $USER`) "
                "and log in again"
            )
        case requests.exceptions.ReadTimeout():
            what = f"no answer within {TIMEOUT_S} s"
        case OSError(strerror=str() as what):
            pass
        case _:
            what = str(reason)
    return (
        f"Docker does not answer at {host}: {what}. "
        "Fix: start it (`systemctl start docker`), or set DOCKER_HOST"
    )


def _innermost(error: BaseException) -> BaseException:
    """The first cause: the SDK and the libraries below it wrap one error in another."""
    seen = error
    while inner := _inner(seen):
        seen = inner
    return seen


def _inner(error: BaseException) -> BaseException | None:
    inside = [argument for argument in error.args if isinstance(argument, BaseException)]
    return inside[0] if inside else error.__cause__ or error.__context__
