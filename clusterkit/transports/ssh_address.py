"""Where a machine answers by SSH."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SshAddress:
    """Where sshd listens, and what proves both sides to each other.

    With a ``key_file`` nothing else is tried: no agent, no other keys. ``known_hosts`` alone
    decides which host keys are trusted; None: the system's and the user's own.
    """

    host: str
    port: int = 22
    user: str | None = None
    key_file: Path | None = None
    known_hosts: Path | None = None
    connect_timeout_s: float = 10

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"
