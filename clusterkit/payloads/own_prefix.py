"""Open MPI where it is installed on this node: the launcher knows its own place only."""

from __future__ import annotations

import re
from collections.abc import Mapping

# What the shell does before the daemon's own words, up to the daemon itself.
_BEFORE_WORDS = re.compile(r"^.*?/(?:prted|orted)(?=\s|$)", re.DOTALL)
_VARIABLES = (
    "LD_LIBRARY_PATH",
    "OMPI_LIBDIR_LOC",
    "OPAL_PREFIX",
    "PATH",
    "PMIX_INSTALL_PREFIX",
    "PMIX_PREFIX",
    "PRTE_PREFIX",
)


def daemon_here(line: str, theirs: str | None, ours: str | None) -> str:
    """The shell line that starts a daemon, with ``ours`` where the launcher says ``theirs``."""
    if not theirs or not ours or theirs == ours:
        return line
    return _BEFORE_WORDS.sub(lambda found: _swapped(found[0], theirs, ours), line)


def environment_here(
    env: Mapping[str, str], theirs: str | None, ours: str | None
) -> dict[str, str]:
    """What the launcher gave a rank, with ``ours`` in the variables that tell of a place."""
    if not theirs or not ours or theirs == ours:
        return dict(env)
    return {
        name: _swapped(value, theirs, ours) if name in _VARIABLES else value
        for name, value in env.items()
    }


def _swapped(text: str, theirs: str, ours: str) -> str:
    """Only whole paths: /opt/mpi is no part of /opt/mpi-4."""
    path = rf"(?<![^=:;\"\s]){re.escape(theirs)}(?=[/:;\"\s]|$)"
    return re.sub(path, lambda _: ours, text)
