"""Whole outputs on file."""

from __future__ import annotations

import os
from pathlib import Path


def on_file(golden: Path, found: str) -> str:
    """What the file has: ``found``, where CLUSTERKIT_WRITE_GOLDEN asks to write it anew."""
    if os.environ.get("CLUSTERKIT_WRITE_GOLDEN"):
        golden.write_text(found)
    return golden.read_text()
