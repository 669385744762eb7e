"""The Docker engine of a machine. Images come there by its own docker command.

That one knows the logins of the machine's user to registries; over the API, the controlling
machine's would be sent along.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from clusterkit.command import Command, DockerCall, Result
from clusterkit.errors import ClusterkitError
from clusterkit.events import Stream
from clusterkit.transports.docker_engine import DockerEngine
from clusterkit.transports.docker_over_ssh import connect_over_ssh, why_no_answer
from clusterkit.transports.docker_running import OnProgress

if TYPE_CHECKING:
    from clusterkit.transports.ssh import SshTransport

_SOCKETS = ("sh", "-c", "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null")
_LISTENS = "0A"
_DENIED = ("denied", "unauthorized", "authentication required", "no basic auth")


class MachineEngine(DockerEngine):
    """One machine's engine, over the connection to the machine that we have verified."""

    def __init__(self, machine: SshTransport) -> None:
        super().__init__(machine.node, lambda: connect_over_ssh(machine))
        self._machine = machine

    def apply(self, call: DockerCall, on_progress: OnProgress | None = None) -> Result:
        """Do what ``call`` asks, as every engine does."""
        if call.operation != "pull":
            self._refuse_taken_port(call)
            return super().apply(call, on_progress)
        code, said = self._pull(call.name, on_progress)
        if code != 0:
            raise not_pulled(self._machine.node, call.name, said)
        return Result(self._machine.node, call, 0, said)

    def _refuse_taken_port(self, call: DockerCall) -> None:
        """The engine starts a container whose program then ends for want of its port."""
        listens = call.arguments.get("listens")
        if call.operation != "start" or listens is None:
            return
        seen = self._machine.run(Command(_SOCKETS))
        if is_listening(seen.stdout, listens["address"], listens["port"]):
            port, node = listens["port"], self._machine.node
            raise ClusterkitError(
                f"{node}: port {port} of the machine is taken, and sshd of the container wants "
                f"it. Fix: choose another with `ssh_port` of `container`, or stop what listens "
                f"there (`sudo ss -ltnp sport = {port}` shows it)"
            )

    def _pull(self, image: str, on_progress: OnProgress | None) -> tuple[int, str]:
        """The exit code, and the last line that was said."""
        said = [""]
        stopped: list[ClusterkitError] = []

        def take(_: Stream, line: str) -> None:
            said.append(line)
            try:
                if on_progress is not None and not stopped:
                    on_progress(line)
            except ClusterkitError as error:  # the user asked to stop
                stopped.append(error)
                process.signal("TERM")

        process = self._machine.start(Command(("docker", "pull", image)), take)
        process.close_stdin()
        code = process.wait()
        if stopped:
            raise stopped[0]
        return code, said[-1]

    def _no_answer(self, error: BaseException) -> str:
        return why_no_answer(self._machine, error)


def not_pulled(node: str, image: str, said: str) -> ClusterkitError:
    """Why a machine could not get an image from its registry, and both ways out."""
    push = f"send it from here: `clusterkit images push {image} --inventory INVENTORY`"
    if any(word in said.lower() for word in _DENIED):
        registry, slash, _ = image.partition("/")
        is_named = slash and ("." in registry or ":" in registry or registry == "localhost")
        login = f"docker login {registry}" if is_named else "docker login"
        fix = f"log in there, on {node}: `{login}`; or {push}"
    else:
        fix = f"check the name; or {push}"
    what = said.removeprefix("Error response from daemon: ").rstrip(".")
    return ClusterkitError(
        f"{node}: image {image} is not there and cannot be pulled: {what}. Fix: {fix}"
    )


def is_listening(sockets: str, address: str, port: int) -> bool:
    """Whether /proc/net/tcp has one that listens on the port, at the address or at all."""
    here = bytes(reversed(IPv4Address(address).packed)).hex().upper()
    for line in sockets.splitlines():
        _, local, _, state, *_ = [*line.split(), "", "", "", ""]
        place, _, at = local.partition(":")
        if state == _LISTENS and int(at, 16) == port and (place == here or not place.strip("0")):
            return True
    return False
