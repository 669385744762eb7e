"""The vendor's libraries are found only where the environment of its image is set."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = "/usr/local/tensorrt/lib"


def load_libraries() -> None:
    """Fail as an import of tensorrt does in a login that lost the image's LD_LIBRARY_PATH."""
    folders = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    if Path(FOLDER).is_dir() and FOLDER not in folders:
        raise ImportError(
            "libnvinfer.so.10: cannot open shared object file: No such file or directory"
        )
