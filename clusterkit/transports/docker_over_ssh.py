"""Reach the Docker engine of a machine through the SSH connection that we have verified.

The SDK's own ``ssh://`` (docker 7.1) makes a client of its own: it knows neither our known_hosts
nor jump hosts. Here each of its HTTP connections is a channel on which the machine runs
``docker system dial-stdio``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import docker
import docker.errors
import requests.adapters
import requests.exceptions
import urllib3.connection
import urllib3.connectionpool
from docker.constants import DEFAULT_DOCKER_API_VERSION

from clusterkit.errors import TransportError
from clusterkit.transports.docker_client import TIMEOUT_S

if TYPE_CHECKING:
    from clusterkit.transports.ssh import SshTransport

_OLDEST = "1.24"
_AT_ONCE = 8


def connect_over_ssh(machine: SshTransport) -> docker.APIClient:
    """Open the engine of a machine, and agree on a version.

    Raises:
        TransportError: If the machine has no Docker, or does not let this user use it.
    """
    client = docker.APIClient("http://localhost:1", version=_OLDEST, timeout=TIMEOUT_S)
    client.mount("http://localhost:1", _Adapter(machine))
    try:
        newest = client.version(api_version=False)["ApiVersion"]
    except (requests.exceptions.RequestException, docker.errors.DockerException) as error:
        raise TransportError(machine.node, why_no_answer(machine, error)) from error
    client._version = min(  # type: ignore[attr-defined]  # its only way to change it later
        newest, DEFAULT_DOCKER_API_VERSION, key=_number
    )
    return client


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def why_no_answer(machine: SshTransport, error: BaseException) -> str:
    """What the machine says of its Docker, asked by the program that a person would use."""
    from clusterkit.command import Command

    said = machine.run(Command(("docker", "version", "--format", "{{.Server.Version}}")))
    words = said.stderr.strip() or said.stdout.strip() or str(error)
    if said.exit_code == 127:
        return (
            "there is no Docker on this machine. Fix: install it; `clusterkit doctor` prints the "
            "lines for this distribution"
        )
    if "permission denied" in words.lower():
        return (
            f"Docker on this machine does not let the user in: {words}. "
            'Fix: `sudo usermod -aG docker "$USER"` there, and run it again'
        )
    return (
        f"Docker on this machine does not answer: {words}. "
        "Fix: start it there (`sudo systemctl start docker`)"
    )


class _Adapter(requests.adapters.HTTPAdapter):
    """Sends every request through a channel of one SSH connection."""

    def __init__(self, machine: SshTransport) -> None:
        self._pool = _Pool(machine)
        super().__init__()

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> Any:
        return self._pool

    def request_url(self, request: Any, proxies: Any) -> str:
        """The path alone: no proxy of the environment is meant."""
        del proxies
        path: str = request.path_url
        return path

    def close(self) -> None:
        self._pool.close()
        super().close()


class _Pool(urllib3.connectionpool.HTTPConnectionPool):
    def __init__(self, machine: SshTransport) -> None:
        super().__init__("localhost", maxsize=_AT_ONCE, block=True, timeout=TIMEOUT_S)
        self._machine = machine

    def _new_conn(self) -> Any:
        return _Connection(self._machine)


class _Connection(urllib3.connection.HTTPConnection):
    def __init__(self, machine: SshTransport) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._machine = machine

    def connect(self) -> None:
        """A channel stands for the socket: it has the methods that http.client calls."""
        channel: Any = self._machine.dial(("docker", "system", "dial-stdio"))
        channel.settimeout(TIMEOUT_S)
        self.sock = channel
