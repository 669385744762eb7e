"""``ssh``: how a person logs in to a node."""

from __future__ import annotations

import os
from pathlib import Path

from clusterkit.command import HOST, Command, Step
from clusterkit.errors import UsageError
from clusterkit.model.node_sets import select
from clusterkit.state.keys import known_hosts_file, operator_key_file
from clusterkit.transports.shell import quoted
from clusterkit.use_cases.session import Session


def ssh_argv(session: Session, node: str, argv: tuple[str, ...]) -> tuple[str, ...]:
    """The ssh command line of one node; on a node that is this machine, a shell."""
    chosen = select(session.cluster, node)
    if len(chosen) != 1:
        raise UsageError(f"`{node}` means {len(chosen)} nodes. Fix: name one")
    if session.cluster.provider == "local":
        return argv or (os.environ.get("SHELL", "/bin/sh"),)
    options: dict[str, Path | str] = {
        "IdentityFile": operator_key_file(session.folder),
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": known_hosts_file(session.folder),
        "GlobalKnownHostsFile": "none",
        "StrictHostKeyChecking": "yes",
    }
    words = [
        word for name, value in options.items() for word in ("-o", f"{name}={_literal(value)}")
    ]
    address = session.cluster.node(chosen[0]).address
    command = (quoted(argv),) if argv else ()
    return ("ssh", "-F", "none", *words, f"root@{address}", *command)


def ssh_steps(session: Session, node: str, argv: tuple[str, ...]) -> list[Step]:
    """The login, not run."""
    return [Step(HOST, f"log in to {node}", Command(ssh_argv(session, node, argv)))]


def _literal(value: Path | str) -> str:
    """A value as ssh_config(5) reads it: it splits paths at spaces, and expands ``%``."""
    return f'"{str(value).replace("%", "%%")}"' if isinstance(value, Path) else value
