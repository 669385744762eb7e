"""Events and results as text, tables and JSON."""

from __future__ import annotations
