"""``ssh``: how a person logs in to a node."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from clusterkit.command import HOST, Command, Step
from clusterkit.errors import UsageError
from clusterkit.model.machine import Machine
from clusterkit.model.node_sets import select
from clusterkit.state.contacts import pins_file
from clusterkit.state.keys import known_hosts_file, operator_key_file
from clusterkit.transports.shell import quoted
from clusterkit.use_cases.session import Session

_MACHINES_OWN = "/etc/ssh/ssh_known_hosts"


def ssh_argv(session: Session, node: str, argv: tuple[str, ...]) -> tuple[str, ...]:
    """The ssh command line of one node; on a node that is this machine, a shell."""
    chosen = select(session.cluster, node)
    if len(chosen) != 1:
        raise UsageError(f"`{node}` means {len(chosen)} nodes. Fix: name one")
    if session.cluster.provider == "local":
        return argv or (os.environ.get("SHELL", "/bin/sh"),)
    command = (quoted(argv),) if argv else ()
    wanted = session.cluster.node(chosen[0])
    if wanted.machine is not None and wanted.container is None:
        return ("ssh", *machine_words(wanted.machine, session.folder), "--", *command)
    options: dict[str, Path | str] = {
        "IdentityFile": operator_key_file(session.folder),
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": known_hosts_file(session.folder),
        "GlobalKnownHostsFile": "none",
        "StrictHostKeyChecking": "yes",
    }
    if wanted.login is not None:  # a container on a machine, reached through it
        options["Port"] = str(wanted.login.port)
    if wanted.machine is None:
        return ("ssh", "-F", "none", *_words(options), f"root@{wanted.address}", *command)
    options["ProxyCommand"] = _through(machine_words(wanted.machine, session.folder))
    return ("ssh", "-F", "none", *_words(options), f"root@{wanted.address}", *command)


def machine_words(machine: Machine, folder: Path) -> tuple[str, ...]:
    """The words with which ssh reaches a machine of the user's; ~/.ssh/config says the rest."""
    options: dict[str, Path | str] = {}
    if machine.user:
        options["User"] = machine.user
    if machine.port:
        options["Port"] = str(machine.port)
    if machine.key_file:
        options |= {"IdentityFile": Path(machine.key_file), "IdentitiesOnly": "yes"}
    if machine.trust == "accept-new":  # what `up` has pinned; ssh itself pins nothing more
        # Of the options that take a file, this one alone does not expand `%`.
        options["GlobalKnownHostsFile"] = f'"{pins_file(folder)}" {_MACHINES_OWN}'
    if machine.jump and machine.trust == "accept-new":  # with ProxyJump, ssh would not look there
        before, _, last = machine.jump.rpartition(",")
        hop = Machine(f"ssh://{last}", jump=before or None, trust=machine.trust)
        options["ProxyCommand"] = _through(machine_words(hop, folder))
    elif machine.jump:
        options["ProxyJump"] = machine.jump
    options["StrictHostKeyChecking"] = "yes"
    options["ConnectTimeout"] = str(max(1, round(machine.connect_timeout_s)))
    return (*_words(options), machine.host)


def _through(words: tuple[str, ...]) -> str:
    """The command with which ssh goes through the machine that ``words`` reach."""
    return f"ssh -W '[%h]:%p' {quoted(words).replace('%', '%%')}"


def _words(options: Mapping[str, Path | str]) -> tuple[str, ...]:
    return tuple(
        word for name, value in options.items() for word in ("-o", f"{name}={_literal(value)}")
    )


def ssh_steps(session: Session, node: str, argv: tuple[str, ...]) -> list[Step]:
    """The login, not run."""
    return [Step(HOST, f"log in to {node}", Command(ssh_argv(session, node, argv)))]


def _literal(value: Path | str) -> str:
    """A value as ssh_config(5) reads it: it splits paths at spaces, and expands ``%``."""
    return f'"{str(value).replace("%", "%%")}"' if isinstance(value, Path) else value
