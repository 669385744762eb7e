"""Desired states: each knows how to look, and what to do when the look differs."""

from __future__ import annotations
