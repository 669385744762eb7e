"""Ensure that the controlling machine can log in to a node, and the head to all of them."""

from __future__ import annotations

from dataclasses import dataclass

from clusterkit.command import Command, DockerCall, Put, Result, Step
from clusterkit.launchers.hostfile import hostfile
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.trust import Trust
from clusterkit.providers.docker.names import container_name
from clusterkit.tasks.base import Change
from clusterkit.tasks.files import Files

_HOST = """\
Host {name}
  HostName {address}
"""
_ALL = """\
Host *
  User root
  IdentityFile {home}/ssh/id_ed25519
  IdentitiesOnly yes
  UserKnownHostsFile {home}/ssh/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  PasswordAuthentication no
  BatchMode yes
  ConnectTimeout 10
  # The post-quantum exchange costs several times the CPU; the network is the cluster's own.
  KexAlgorithms curve25519-sha256
"""
_STARTS_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class SshdAnswers:
    """An sshd that runs, but lets nobody in, is restarted with its container."""

    cluster: Cluster
    node: str
    needs_answer: bool = False

    def probe(self) -> Command:
        """Log in."""
        return Command(("true",), timeout_s=10)

    def plan(self, seen: Result | None) -> Change:
        """Restart the container when nobody can log in."""
        if seen is None or seen.ok:
            return Change("sshd answers")
        name = container_name(self.cluster, self.node)
        why = seen.stderr.partition(" Fix:")[0].strip().removeprefix(f"{self.node}: ").rstrip(".")
        summary = f"restart container {name}: nobody can log in: {why}"
        restart = Step(self.node, summary, DockerCall("restart", name))
        return Change("restart", (restart,), settles_s=_STARTS_WITHIN_S)


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
        return Files(node.name, (*files, key))
    return Files(node.name, files, absent=(key.path,))


def ssh_config(cluster: Cluster) -> str:
    """The client's side, the same on every node; a name is turned into an address here."""
    hosts = "".join(_HOST.format(name=node.name, address=node.address) for node in cluster.nodes)
    return hosts + _ALL.format(home=cluster.home)
