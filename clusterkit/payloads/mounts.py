"""What is mounted in a folder: it is others', and goes with no folder of ours."""

from __future__ import annotations

import re
from typing import Collection, List  # noqa: UP035 - evaluated, on Python 3.8 too

from clusterkit.payloads.processes import read

_ESCAPED = re.compile(r"\\([0-7]{3})")


def mounts_in(folders: Collection[str]) -> List[str]:  # noqa: UP006
    """The mount points that are in, or at, one of the folders now, the innermost first."""
    return mounted_in(read("/proc/self/mounts").decode(errors="surrogateescape"), folders)


def mounted_in(table: str, folders: Collection[str]) -> List[str]:  # noqa: UP006
    """The same of a table of the kernel's."""
    points = []
    for line in table.splitlines():
        fields = line.split(" ")
        if len(fields) > 1:
            point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[1])
            if any(point == folder or point.startswith(f"{folder}/") for folder in folders):
                points.append(point)
    return points[::-1]
