"""A rank that takes more memory than its node has, if it is the second."""

from __future__ import annotations

import os
import time

if os.environ["RANK"] == "1":
    eaten = b"x" * (1 << 30)
time.sleep(600 if len(os.sys.argv) < 2 else 0)  # type: ignore[attr-defined]
