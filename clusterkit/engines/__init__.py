"""What runs inside a rank: one file per name that the inventory may give."""

from __future__ import annotations
