"""The command line: one file per verb; parse, call a use case, print, exit code."""

from __future__ import annotations
