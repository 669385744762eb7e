"""Where a machine answers by SSH."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SshAddress:
    """Where sshd listens, and what proves both sides to each other.

    With a ``key_file`` nothing else is tried: no agent, no other keys. ``known_hosts`` alone
    decides which host keys are trusted, and ~/.ssh/config is not read; None: the system's and the
    user's own decide, ~/.ssh/config says what is left out here, and the keys of ``pins`` are
    trusted as well. ``accept_new``: a key that is seen for the first time is added to them.
    ``jump`` is the machine through which it is reached: ``[user@]host[:port]``.
    """

    host: str
    port: int | None = None
    user: str | None = None
    key_file: Path | None = None
    known_hosts: Path | None = None
    connect_timeout_s: float = 8
    jump: str | None = None
    pins: Path | None = None
    accept_new: bool = False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.port else self.host
