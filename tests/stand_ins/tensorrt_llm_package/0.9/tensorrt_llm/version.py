"""Stands in for version.py."""

from __future__ import annotations

__version__ = "0.9.0"
