"""Where nodes come from: one file per name that the inventory may give."""

from __future__ import annotations
