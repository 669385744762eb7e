"""Stand-in: replaced by install.py."""

from __future__ import annotations

__version__ = "0.0"
TENSORRT = "0.0"
