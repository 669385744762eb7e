"""Make a folder for what is uploaded, and have it there for as long as somebody uploads.

    python PAYLOADS hold_upload FOLDER

stdin is a lifeline: when it ends, the folder goes. Until then its lock is held, so that what
is left by a node that died can be told from what somebody still writes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sys
from pathlib import Path

from clusterkit.payloads.publishing import LOCK


def main() -> None:
    """Say that the folder is there, wait for the end of stdin, remove it."""
    folder = Path(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        print("ready", flush=True)
        while os.read(0, 4096):
            pass
    finally:
        for _ in range(3):  # a file may still be written into it
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
