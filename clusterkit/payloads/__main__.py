"""Run one payload on a node, where this folder is all that there is: `python FOLDER NAME …`."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType


def main() -> None:
    """Run the payload that the first word names; the words after it are its own."""
    folder = __file__.rpartition("/")[0]
    for name in ("clusterkit", "clusterkit.payloads"):
        package = ModuleType(name)
        package.__path__ = [folder]
        sys.modules[name] = package
    import_module("clusterkit.payloads." + sys.argv.pop(1)).main()


if __name__ == "__main__":
    main()
