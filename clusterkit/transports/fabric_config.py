"""Fabric's configuration, made once for all connections: each would read all files anew."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path

import fabric
import paramiko

from clusterkit.transports.ssh_includes import lines_of

_SSH_CONFIGS = (Path("~/.ssh/config"), Path("/etc/ssh/ssh_config"))
_READING = threading.Lock()


def fabric_config(*, with_ssh_configs: bool) -> fabric.Config:
    """The defaults, and if wished what the user's and the machine's ssh_config say now.

    Fabric's own files (``~/.fabric.py``, …) are not read: one of them is a program. Nobody may
    change the answer: all threads share it.
    """
    files = [file.expanduser() for file in _SSH_CONFIGS] if with_ssh_configs else []
    with _READING:  # many connections open at the same moment
        return _parsed("\n".join(line for f in files for line in _text(f)))


def _text(file: Path) -> list[str]:
    """One file's lines; what stands before its first Host holds for all hosts."""
    return ["Host *", *lines_of(file, file.parent)]


@lru_cache(maxsize=4)
def _parsed(text: str) -> fabric.Config:
    ssh_config = paramiko.SSHConfig.from_text(text)
    return fabric.Config(ssh_config=ssh_config, lazy=True)
