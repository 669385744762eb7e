"""The only place where clusterkit touches the world."""

from __future__ import annotations
