"""What nodes run; standard library first, and nothing from the rest of clusterkit."""

from __future__ import annotations
