"""One run on the cluster, from start to an end that was observed."""

from __future__ import annotations
