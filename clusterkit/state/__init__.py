"""The controlling machine's folder: what was applied, keys, jobs, the current cluster."""

from __future__ import annotations
