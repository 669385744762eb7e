"""A person at this machine with a home folder of their own: keys, ~/.ssh/config, known_hosts."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Person:
    """Who calls clusterkit and ssh. ``home`` is theirs; nobody's real ~/.ssh is read or written.

    OpenSSH finds the home folder in /etc/passwd, and Python in HOME: here both say the same.
    """

    home: Path

    @classmethod
    def new(cls, home: Path) -> Person:
        """Someone with a new key pair, who knows no machine."""
        person = cls(home)
        (home / ".ssh").mkdir(parents=True, mode=0o700)
        make_key(person.key_file, comment="the person's own")
        person.known_hosts.touch(mode=0o600)
        person.ssh_config.touch(mode=0o600)
        uid = os.getuid() if _is_root() else 0
        mine = f"{pwd.getpwuid(os.getuid()).pw_name}:x:{uid}:{os.getgid()}::{home}:/bin/sh\n"
        person._passwd.write_text(mine + Path("/etc/passwd").read_text())
        return person

    @property
    def key_file(self) -> Path:
        """The private key that machines let in."""
        return self.home / ".ssh/id_ed25519"

    @property
    def public_key(self) -> str:
        """One line of authorized_keys."""
        return self.key_file.with_suffix(".pub").read_text()

    @property
    def known_hosts(self) -> Path:
        """The host keys that this person knows."""
        return self.home / ".ssh/known_hosts"

    @property
    def ssh_config(self) -> Path:
        """How this person's ssh is configured."""
        return self.home / ".ssh/config"

    @property
    def _passwd(self) -> Path:
        return self.home / "passwd"

    @property
    def before(self) -> tuple[str, ...]:
        """The words before a command line that make it this person's: a mount only it sees."""
        roots = () if _is_root() else ("--map-root-user",)
        script = 'mount --bind "$0" /etc/passwd && exec "$@"'
        return ("unshare", *roots, "--mount", "--", "sh", "-c", script, str(self._passwd))

    @property
    def variables(self) -> dict[str, str]:
        """What the environment says of this person; no agent holds keys."""
        return {"HOME": str(self.home), "SSH_AUTH_SOCK": ""}

    def run(self, *words: str, timeout_s: float = 60) -> Done:
        """Run a program as this person; any exit code is an answer."""
        return subprocess.run(
            [*self.before, *words],
            env=os.environ | self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def ssh(self, host: str, *command: str, timeout_s: float = 60) -> Done:
        """Log in as OpenSSH does, and run a command there."""
        return self.run("ssh", "-o", "BatchMode=yes", host, *command, timeout_s=timeout_s)


def make_key(file: Path, *, comment: str) -> None:
    """An ed25519 key pair without a passphrase."""
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(file)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def _is_root() -> bool:
    return os.geteuid() == 0
