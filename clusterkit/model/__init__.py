"""What the user writes, as frozen types, and what it means."""

from __future__ import annotations
