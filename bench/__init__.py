"""Side by side with peers, on this machine, in one run; `python -m bench` prints the ratios."""

from __future__ import annotations
