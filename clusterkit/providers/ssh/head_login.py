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
  ConnectTimeout 10
  # The post-quantum exchange costs several times the CPU; the network is the cluster's own.
  KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256
"""
_UNKNOWN = "<known after reach>"
# $1 is ssh's configuration, the rest are nodes. Each that does not let the head in gets one line.
_TRY = """
config=$1; shift
try='
why=$(ssh -F "$1" -- "$2" true 2>&1 </dev/null) && exit
printf "%s\\t%s\\n" "$2" "$(printf %s "$why" | tr "\\n\\t" "; ")"
'
printf '%s\\n' "$@" | xargs -P 32 -n 1 sh -c "$try" sh "$config"
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
    return hosts + _ALL.format(home=cluster.home_of(cluster.head.name))


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
        return Command(("sh", "-c", _TRY, "sh", config, *others), timeout_s=60)

    def plan(self, seen: Result | None) -> Change:
        """Nothing can be done here about a node that refuses; each is named."""
        if seen is None:
            return Change("<known after trust>")
        refused = [line.partition("\t") for line in seen.stdout.splitlines() if "\t" in line]
        if refused:
            raise ClusterkitError("\n".join(self._why(name, why) for name, _, why in refused))
        seen.check()
        return Change("the head logs in to every node")

    def _why(self, name: str, why: str) -> str:
        node = self.cluster.node(name)
        port = node.login.port if node.login else 22
        return (
            f"{name}: the head, {self.node}, cannot log in at {node.address}:{port}: "
            f"{why.strip('; ') or 'no answer'}. Fix: let sshd there listen on the cluster "
            "network, and let it through the firewall"
        )
