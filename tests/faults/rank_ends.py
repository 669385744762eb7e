"""A rank that says that it is there, and ends."""

from __future__ import annotations

import os

print(f"rank {os.environ['RANK']} was here", flush=True)
