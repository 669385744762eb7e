"""Pin the launcher's daemons to the cluster network by the interface's name on each node.

The subnet that the launcher is given would do, were it not that Open MPI takes every interface
in it: of two, its daemons (5.0.11) may choose the one that leads nowhere, or crash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_GIVEN = ("PRTE_MCA_prte_if_include", "OMPI_MCA_oob_tcp_if_include")
_OPTIONS = ("prte_if_include", "oob_tcp_if_include")
_IN_LINE = re.compile(rf"((?:{'|'.join(_OPTIONS)}) +\"?)[^\s\";]+")


def pin_launcher(argv: Sequence[str], interface: str, given: Mapping[str, str]) -> list[str]:
    """The launcher's words; they say nothing where the environment does, or all is on one node."""
    says_nothing = interface == "lo" or _is_given(given)
    pinned = list(argv)
    for option in _OPTIONS:
        if option in pinned:
            place = pinned.index(option)
            words = [] if says_nothing else [pinned[place - 1], option, interface]
            pinned[place - 1 : place + 2] = words
    return pinned


def pin_daemon(line: str, interface: str, given: Mapping[str, str]) -> str:
    """The shell line that starts a daemon: in it the launcher passes on its own node's name."""
    return line if _is_given(given) else _IN_LINE.sub(rf"\g<1>{interface}", line)


def _is_given(given: Mapping[str, str]) -> bool:
    return any(given.get(name) for name in _GIVEN)
