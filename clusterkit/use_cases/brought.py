"""A payload that is brought along, and leaves with its answer.

What is on a node may be another version's, or gone.
"""

from __future__ import annotations

from clusterkit.command import Command
from clusterkit.tasks.payload import archive

# $1 is a Python, the rest the payload's words. The package comes as stdin.
_CARRIED = """
folder=$(mktemp -d "${TMPDIR:-/tmp}/clusterkit-sweep-XXXXXX") || exit
trap 'rm -rf -- "$folder"' EXIT
tar -xzf - -C "$folder" || exit
python=$1; shift
"$python" -I -S "$folder" "$@"
"""
_WITHIN_S = 60.0


def brought(python: str, *words: str) -> Command:
    """Run the payload that the first word names."""
    argv = ("sh", "-c", _CARRIED, "sh", python, *words)
    return Command(argv, stdin=archive(), timeout_s=_WITHIN_S)
