"""How the head logs in to the other machines: files in its own folder, called with `ssh -F`."""

from __future__ import annotations

from dataclasses import dataclass

from clusterkit.command import Command, Put, Result
from clusterkit.errors import ClusterkitError
from clusterkit.launchers.hostfile import hostfile
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.trust import Trust
from clusterkit.tasks.base import Change
from clusterkit.tasks.files import Files

_HOST = """\
Host {name}
  HostName {address}
  User {user}
  Port {port}
  HostKeyAlias {name}
"""
_ALL = """\
Host *
  IdentityFile {home}/ssh/id_ed25519
  IdentitiesOnly yes
  UserKnownHostsFile {home}/ssh/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  PasswordAuthentication no
  BatchMode yes
  ConnectTimeout {connect_timeout_s}
  # The post-quantum exchange costs several times the CPU; the network is the cluster's own.
  KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256
"""
_UNKNOWN = "<known after reach>"
_NO_SUCH_KEY = "Host key verification failed"  # the last line of many
# $1 is ssh's configuration, the rest are nodes. Each that does not let the head in gets one line.
_AT_ONCE, _CONNECT_TIMEOUT_S = 32, 10
_TRY = """
config=$1 at_once=$2; shift 2
try='
why=$(ssh -F "$1" -- "$2" true 2>&1 </dev/null) && exit
printf "%s\\t%s\\n" "$2" "$(printf %s "$why" | tr "\\n\\t" "; ")"
'
printf '%s\\n' "$@" | xargs -P "$at_once" -n 1 sh -c "$try" sh "$config"
"""


def head_files(cluster: Cluster, trust: Trust) -> Files:
    """SSH's client side and the hostfile, on the head; the private key lies nowhere else."""
    head, home = cluster.head.name, cluster.home_of(cluster.head.name)
    files = (
        Put(f"{home}/ssh/config", ssh_config(cluster).encode()),
        Put(f"{home}/ssh/known_hosts", known_hosts(cluster).encode()),
        Put(f"{home}/hostfile", hostfile(cluster).encode()),
        Put(f"{home}/ssh/id_ed25519", trust.head.private, 0o600),
    )
    return Files(head, files)


def no_head_files(cluster: Cluster, node: Node) -> Files:
    """What only the head may have: another node may have been the head before."""
    return Files(node.name, (), absent=(f"{cluster.home_of(node.name)}/ssh/id_ed25519",))


def ssh_config(cluster: Cluster) -> str:
    """Where every node is on the cluster network, and as whom the head logs in there."""
    hosts = "".join(
        _HOST.format(
            name=node.name,
            address=node.address or _UNKNOWN,
            user=node.login.user if node.login else _UNKNOWN,
            port=node.login.port if node.login else _UNKNOWN,
        )
        for node in cluster.nodes
    )
    everywhere = _ALL.format(
        home=cluster.home_of(cluster.head.name), connect_timeout_s=_CONNECT_TIMEOUT_S
    )
    return hosts + everywhere


def known_hosts(cluster: Cluster) -> str:
    """The host keys that the controlling machine has verified, and no other."""
    return "".join(
        f"{node.name} {key}\n"
        for node in cluster.nodes
        for key in (node.login.host_keys if node.login else (_UNKNOWN,))
    )


@dataclass(frozen=True, slots=True)
class HeadLogsIn:
    """The head can log in to every other node over the cluster network: seen, not supposed."""

    cluster: Cluster
    needs_answer: bool = True

    @property
    def node(self) -> str:
        """The head."""
        return self.cluster.head.name

    def probe(self) -> Command:
        """Print a line for each node that does not let the head in."""
        config = f"{self.cluster.home_of(self.node)}/ssh/config"
        others = [node.name for node in self.cluster.nodes[1:]]
        argv = ("sh", "-c", _TRY, "sh", config, str(_AT_ONCE), *others)
        rounds = -(-len(others) // _AT_ONCE)
        return Command(argv, timeout_s=30 + 2 * _CONNECT_TIMEOUT_S * rounds)

    def plan(self, seen: Result | None) -> Change:
        """Nothing can be done here about a node that refuses; each is named."""
        if seen is None:
            return Change("<known after trust>")
        rows = (line.partition("\t") for line in seen.stdout.splitlines())
        refused = {name: why for name, tab, why in rows if tab}
        if refused:
            nodes = (node for node in self.cluster.nodes if node.name in refused)
            raise ClusterkitError("\n".join(self._why(node, refused[node.name]) for node in nodes))
        seen.check()
        return Change("the head logs in to every node")

    def _why(self, node: Node, why: str) -> str:
        said = _NO_SUCH_KEY if _NO_SUCH_KEY in why else why.strip(".; ") or "no answer"
        return (
            f"{node.name}: the head, {self.node}, cannot log in at "
            f"{node.address}:{node.ssh_port}: {said}. Fix: {_fix(node, why)}"
        )


def _fix(node: Node, why: str) -> str:
    """What is to be done, by what ssh said."""
    if "Permission denied" in why:
        user = node.login.user if node.login else "the user"
        return f"let sshd there read ~/.ssh/authorized_keys of {user}, closed to others"
    if _NO_SUCH_KEY in why:
        return "correct `address`: another machine, or another sshd, answers there"
    return "let sshd there listen on the cluster network, and let it through the firewall"
