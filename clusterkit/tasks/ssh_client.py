"""What the head's ssh client does for every node, whoever provides the nodes."""

from __future__ import annotations

CONNECT_TIMEOUT_S = 8
"""Who does not answer is named within 10 s. Linux sends SYNs at 0, 1, 3, 7 and 15 s."""
_FOR_ALL = """\
Host *
  IdentityFile "{home}/ssh/id_ed25519"
  IdentitiesOnly yes
  UserKnownHostsFile "{home}/ssh/known_hosts"
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  PasswordAuthentication no
  BatchMode yes
  ConnectTimeout {connect_timeout_s}
  # The post-quantum exchange costs several times the CPU; the network is the cluster's own.
  KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256
"""


def for_all_nodes(home: str) -> str:
    """The end of an ssh configuration: one key, pinned host keys, no question to anybody.

    ``home`` is the cluster's folder, in which the key and known_hosts lie. ssh splits a path at
    spaces that are not in quotes, and expands ``%``.
    """
    return _FOR_ALL.format(home=home.replace("%", "%%"), connect_timeout_s=CONNECT_TIMEOUT_S)
