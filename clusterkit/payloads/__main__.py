"""Run one payload on a node, where this folder is all that there is: `python FOLDER NAME …`."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType

_ROOM_BYTES = 16 << 20


def main() -> None:
    """Run the payload that the first word names; the words after it are its own."""
    folder = __file__.rpartition("/")[0]
    room = os.statvfs(folder)
    # Where the disk is full, Python writes half of a compiled module, and later cannot read it.
    sys.dont_write_bytecode = room.f_bavail * room.f_frsize < _ROOM_BYTES
    for name in ("clusterkit", "clusterkit.payloads"):
        package = ModuleType(name)
        package.__path__ = [folder]
        sys.modules[name] = package
    import_module("clusterkit.payloads." + sys.argv.pop(1)).main()


if __name__ == "__main__":
    main()
