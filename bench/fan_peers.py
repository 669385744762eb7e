"""What else runs one command on many machines, each as its manual says, and the same for all.

All log in with one key, verify host keys by one known_hosts, and share no connection with an
earlier run. What comes from PyPI is put into a folder of its own; pdsh is of the system.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bench.loopback_sshd import KEY_EXCHANGE, Machines

FOLDER = Path(__file__).resolve().parent.parent / ".cache" / "bench-peers"
_VERSIONS = {"ansible-core": "2.19.14", "ClusterShell": "1.10.1", "pyinfra": "3.10.0"}
_SSH_CONFIG = """\
Host *
  Port {port}
  User {user}
  IdentityFile {key_file}
  IdentitiesOnly yes
  UserKnownHostsFile {known_hosts}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  KexAlgorithms {kex}
  ControlMaster no
  BatchMode yes
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """One program; ``argv`` is None where it is not installed."""

    name: str
    argv: tuple[str | Path, ...] | None
    env: dict[str, str] = field(default_factory=dict[str, str])


def peers(machines: Machines) -> list[Peer]:
    """Each peer with the command that runs ``true`` on all machines at once."""
    config = machines.folder / "ssh_config"
    config.write_text(
        _SSH_CONFIG.format(
            port=machines.port,
            user=machines.user,
            key_file=machines.key_file,
            known_hosts=machines.known_hosts,
            kex=KEY_EXCHANGE,
        )
    )
    return [make(machines, config) for make in (_pdsh, _clush, _ansible, _pyinfra)]


def _pdsh(machines: Machines, config: Path) -> Peer:
    program, count = shutil.which("pdsh"), len(machines.addresses)
    argv = ("-S", "-R", "ssh", "-f", str(count), "-w", ",".join(machines.addresses), "true")
    return Peer(
        f"pdsh -f {count}",
        (program, *argv) if program else None,
        {"PDSH_SSH_ARGS_APPEND": f"-F {config}"},
    )


def _clush(machines: Machines, config: Path) -> Peer:
    count = str(len(machines.addresses))
    hosts = ",".join(machines.addresses)
    words = ("-S", "-f", count, "-o", f"-F {config}", "-w", hosts, "true")
    return Peer(f"clush -f {count}", _installed("clush", words))


def _ansible(machines: Machines, config: Path) -> Peer:
    count = str(len(machines.addresses))
    hosts = "".join(f"{address}," for address in machines.addresses)
    empty = machines.folder / "ansible.cfg"
    empty.touch()
    words = ("all", "-i", hosts, "-f", count, "-m", "raw", "-a", "true")
    return Peer(
        f"ansible -m raw -f {count}",
        _installed("ansible", words),
        {
            "ANSIBLE_CONFIG": str(empty),
            "ANSIBLE_HOME": str(machines.folder / "ansible"),
            "ANSIBLE_HOST_KEY_CHECKING": "True",
            "ANSIBLE_SSH_ARGS": f"-F {config}",  # instead of ControlMaster and ControlPersist
        },
    )


def _pyinfra(machines: Machines, config: Path) -> Peer:
    count = str(len(machines.addresses))
    inventory = machines.folder / "inventory.py"  # it takes many names from a file only
    inventory.write_text(f"hosts = {list(machines.addresses)!r}\n")
    words = (
        *(inventory, "--yes", "--parallel", count),
        *("--data", f"ssh_config_file={config}"),
        *("--data", f"ssh_known_hosts_file={machines.known_hosts}"),
        *("--data", "ssh_strict_host_key_checking=yes"),
        *("--user", machines.user, "--port", str(machines.port), "--key", machines.key_file),
        *("exec", "--", "true"),
    )
    return Peer(f"pyinfra exec --parallel {count}", _installed("pyinfra", words))


def _installed(program: str, words: Iterable[str | Path]) -> tuple[str | Path, ...] | None:
    path = FOLDER / "bin" / program
    return (path, *words) if path.exists() else None


def install(say: Callable[[str], None]) -> None:
    """Put what PyPI has into a virtual environment, once; what cannot be had is left out."""
    wanted = [f"{name}=={version}" for name, version in _VERSIONS.items()]
    marker = FOLDER / "installed"
    if marker.exists() and marker.read_text().split() == wanted:
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], check=True)
    for requirement in wanted:
        pip = [FOLDER / "bin" / "pip", "install", "-q", requirement]
        if subprocess.run(pip, capture_output=True).returncode:
            say(f"{requirement} could not be installed")
    marker.write_text("\n".join(wanted))
