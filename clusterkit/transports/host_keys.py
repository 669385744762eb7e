"""Host keys that are not the known ones: refused, or pinned at first contact if unknown."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import paramiko

_PINNING = threading.Lock()


class UnknownHostKey(paramiko.SSHException):
    """The server's key is in no known_hosts."""

    def __init__(self, key: paramiko.PKey) -> None:
        self.key = key
        super().__init__("unknown host key")


class ChangedHostKey(paramiko.SSHException):
    """The server's key is another than the one that ``file`` has for ``name``."""

    def __init__(
        self, name: str, file: Path, expected: paramiko.PKey, offered: paramiko.PKey
    ) -> None:
        self.name, self.file = name, file
        self.expected, self.offered = expected, offered
        super().__init__("changed host key")


class RevokedHostKey(paramiko.SSHException):
    """The server's key is one that a known_hosts revokes."""

    def __init__(self, key: paramiko.PKey) -> None:
        self.key = key
        super().__init__("revoked host key")


IsRevoked = Callable[[paramiko.PKey], bool]


class Reject(paramiko.RejectPolicy):
    """Rejects every unknown key, and keeps it for the message."""

    def __init__(self, is_revoked: IsRevoked) -> None:
        self._is_revoked = is_revoked

    def missing_host_key(self, client: Any, hostname: str, key: paramiko.PKey) -> NoReturn:
        """Raise it."""
        del client, hostname
        raise RevokedHostKey(key) if self._is_revoked(key) else UnknownHostKey(key)


class Pin(paramiko.MissingHostKeyPolicy):
    """Writes a key that is seen for the first time into ``file``; from then on it must be it."""

    def __init__(self, name: str, file: Path, is_revoked: IsRevoked) -> None:
        self._name, self._file, self._is_revoked = name, file, is_revoked

    def missing_host_key(self, client: Any, hostname: str, key: paramiko.PKey) -> None:
        """Add one line; other processes may add theirs at the same moment."""
        del client, hostname
        if self._is_revoked(key):
            raise RevokedHostKey(key)
        line = f"{self._name} {key.get_name()} {key.get_base64()}\n"
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _PINNING:
            handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(handle, line.encode())  # one write to a file opened to append is atomic
            finally:
                os.close(handle)
