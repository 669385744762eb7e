"""Each verb as a short story."""

from __future__ import annotations
