"""Fabric's configuration, made once for all connections: each would read all files anew."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path

import fabric

_SSH_CONFIGS = (Path("~/.ssh/config"), Path("/etc/ssh/ssh_config"))
_READING = threading.Lock()


def fabric_config(*, with_ssh_configs: bool) -> fabric.Config:
    """The defaults, and if wished what the user's and the machine's ssh_config say now.

    Fabric's own files (``~/.fabric.py``, …) are not read: one of them is a program. Nobody may
    change the answer: all threads share it.
    """
    files = [file.expanduser() for file in _SSH_CONFIGS] if with_ssh_configs else []
    stats = [(str(file), file.stat()) for file in files if file.exists()]
    changes = tuple((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
    with _READING:  # many connections open at the same moment
        return _read(with_ssh_configs, changes)


@lru_cache(maxsize=4)
def _read(with_ssh_configs: bool, _changes: object) -> fabric.Config:
    config = fabric.Config(overrides={"load_ssh_configs": with_ssh_configs}, lazy=True)
    config.load_ssh_config()
    return config
