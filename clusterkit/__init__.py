"""Bring up an MPI cluster from an inventory, and run distributed LLM inference on it."""

from __future__ import annotations

__version__ = "0.1.0"
