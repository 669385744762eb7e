"""How the head logs in to the other machines: files in its own folder, called with `ssh -F`."""

from __future__ import annotations

from clusterkit.command import Put
from clusterkit.launchers.hostfile import hostfile
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.trust import Trust
from clusterkit.tasks.files import Files
from clusterkit.tasks.ssh_client import for_all_nodes

_HOST = """\
Host {name}
  HostName {address}
  User {user}
  Port {port}
  HostKeyAlias {name}
"""
_UNKNOWN = "<known after reach>"


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
    return hosts + for_all_nodes(cluster.home_of(cluster.head.name))


def known_hosts(cluster: Cluster) -> str:
    """The host keys that the controlling machine has verified, and no other."""
    return "".join(
        f"{node.name} {key}\n"
        for node in cluster.nodes
        for key in (node.login.host_keys if node.login else (_UNKNOWN,))
    )
