"""Ensure that the controlling machine can log in to a node, and the head to all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from clusterkit.command import Command, DockerCall, Put, Result, Step
from clusterkit.launchers.hostfile import hostfile
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.trust import Trust
from clusterkit.providers.docker.host_key import read_again
from clusterkit.providers.docker.names import container_name
from clusterkit.providers.docker.sshd import sshd_files, sshd_folder
from clusterkit.tasks.base import Change
from clusterkit.tasks.files import Files
from clusterkit.tasks.ssh_client import for_all_nodes

_HOST = """\
Host {name}
  HostName {address}
"""
_STARTS_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class SshdFiles:
    """sshd has its files and lets us in; they are mended through the Docker API if it does not.

    For its keys it reads them again while all goes on; for its configuration, and where nobody
    can log in, the container is restarted.
    """

    cluster: Cluster
    trust: Trust
    wanted: Node
    needs_answer: bool = False

    @property
    def node(self) -> str:
        """The node's name."""
        return self.wanted.name

    def probe(self) -> Command:
        """Log in, and look at the files."""
        return replace(self._files.probe(), timeout_s=10)

    def plan(self, seen: Result | None) -> Change:
        """Put what differs, or everything when nobody can log in, and restart."""
        if seen is None:
            return self._files.plan(None)
        if not seen.ok:
            return self._mend(self._files.files, ["put all files of sshd"], _why(self.node, seen))
        steps = self._files.plan(seen).steps
        if not steps:
            return Change("sshd answers, and has its files")
        paths = {_path(step) for step in steps}
        if paths == {self._path("authorized_keys")}:  # which is read at each login
            return Change("who may log in", steps)
        if paths <= {self._path("authorized_keys"), self._path("host_key")}:
            return Change("keys of sshd", (*steps, read_again(self.cluster, self.node)))
        differing = tuple(step.action for step in steps if isinstance(step.action, Put))
        summaries = [step.summary for step in steps]
        return self._mend(differing, summaries, "sshd reads its files when it starts")

    def _path(self, name: str) -> str:
        return f"{sshd_folder(self.cluster)}/{name}"

    @property
    def _files(self) -> Files:
        files = sshd_files(self.cluster, self.trust, self.wanted)
        return Files(self.node, files, from_start=True)

    def _mend(self, files: tuple[Put, ...], summaries: list[str], why: str) -> Change:
        name = container_name(self.cluster, self.node)
        put = Step(self.node, "; ".join(summaries), DockerCall("put", name, files=files))
        summary = f"restart container {name}: {why}"
        restart = Step(self.node, summary, DockerCall("restart", name))
        return Change("mend sshd", (put, restart), settles_s=_STARTS_WITHIN_S)


def _path(step: Step) -> str | None:
    return step.action.path if isinstance(step.action, Put) else None


def _why(node: str, seen: Result) -> str:
    """Why nobody can log in, without the details and the fix: that is what we do."""
    what = seen.stderr.partition(" Fix:")[0].strip().removeprefix(f"{node}: ")
    return f"nobody can log in: {what.partition(': ')[0].rstrip('.')}"


def login_files(cluster: Cluster, trust: Trust, node: Node) -> Files:
    """SSH's client side and the hostfile. The private key lies on the head and nowhere else."""
    folder = f"{cluster.home}/ssh"
    key = Put(f"{folder}/id_ed25519", trust.head.private, 0o600)
    files = (
        Put(f"{folder}/config", ssh_config(cluster).encode()),
        Put(f"{folder}/known_hosts", trust.known_hosts(cluster).encode()),
        Put("/etc/ssh/ssh_config.d/clusterkit.conf", f"Include {folder}/config\n".encode()),
        Put(f"{cluster.home}/hostfile", hostfile(cluster).encode()),
    )
    if node == cluster.head:
        return Files(node.name, (*files, key), from_start=True)
    return Files(node.name, files, absent=(key.path,), from_start=True)


def ssh_config(cluster: Cluster) -> str:
    """The client's side, the same on every node; a name is turned into an address here."""
    hosts = "".join(
        _HOST.format(name=node.name, address=node.address)
        + (f"  Port {node.login.port}\n" if node.login else "")
        for node in cluster.nodes
    )
    return f"{hosts}{for_all_nodes(cluster.home)}  User root\n"
