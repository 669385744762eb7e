"""A rank that says that it is there, and waits until it is ended."""

from __future__ import annotations

import os
import time

print(f"rank {os.environ['RANK']} waits", flush=True)
time.sleep(600)
