"""sshd in a container: keys only, on the cluster network only."""

from __future__ import annotations

from collections.abc import Mapping

from clusterkit.command import Put
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.trust import Trust

_CONFIG = """\
# Made by clusterkit: keys only, on the cluster network only.
Include {folder}/environment.conf
ListenAddress {address}
{port}HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes yes
UseDNS no
PidFile none
PrintMotd no
X11Forwarding no
# One connection carries all channels of a verb; many nodes may call the head at once.
MaxSessions 100
MaxStartups 200
# What runs for somebody who is gone from the network ends, as TCP alone would have it for hours.
ClientAliveInterval 5
ClientAliveCountMax 3
"""

# sshd gives a login nothing of the environment that the container has from its image and from the
# inventory: PATH, LD_LIBRARY_PATH, whatever the image's programs need. Of several SetEnv the first
# counts, and it must be one line. What a login makes itself stays out.
_START = r"""
mkdir -p /run/sshd || exit  # /run is empty in a new container
words=$(env -0 | LC_ALL=C sed -z -E -e '/\n/d' -e 's/[\\"]/\\&/g' -e 's/.*/ "&"/' \
    -e '/^ "(HOME|HOSTNAME|LOGNAME|MAIL|OLDPWD|PWD|SHELL|SHLVL|TERM|USER|_)=/d' | tr -d '\0')
rm -f "$1/environment.conf"
[ -z "$words" ] || (umask 077; printf 'SetEnv%s\n' "$words" >"$1/environment.conf")
exec "$(command -v sshd || echo /usr/sbin/sshd)" -D -e -f "$1/sshd_config"
"""


def sshd_folder(cluster: Cluster) -> str:
    """Where a container has sshd's files."""
    return f"{cluster.home}/sshd"


def sshd_command(cluster: Cluster) -> tuple[str, ...]:
    """The container's command: it lives as long as sshd does."""
    return ("sh", "-c", _START, "sh", sshd_folder(cluster))


def sshd_files(cluster: Cluster, trust: Trust, node: Node) -> tuple[Put, ...]:
    """What sshd needs before anybody can log in."""
    folder = sshd_folder(cluster)
    env = node.container.env if node.container else {}
    port = f"Port {node.login.port}\n" if node.login else ""  # on a machine 22 is the machine's
    config = _CONFIG.format(address=node.address, port=port, folder=folder) + _set_env(env)
    return (
        Put(f"{folder}/sshd_config", config.encode(), 0o600 if env else 0o644),  # may have secrets
        Put(f"{folder}/host_key", trust.hosts[node.name].private, 0o600),
        Put(f"{folder}/authorized_keys", trust.authorized_keys(cluster).encode(), 0o600),
    )


def _set_env(env: Mapping[str, str]) -> str:
    """The inventory's part of a login's environment, where the container's start wrote none."""
    return f"SetEnv {' '.join(_quoted(f'{name}={env[name]}') for name in env)}\n" if env else ""


def _quoted(word: str) -> str:
    """One word of sshd_config(5), which has no line breaks."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
