"""Who did what: noted by every verb that changes something, on the cluster and on this machine."""

from __future__ import annotations

import os
import platform
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clusterkit import __version__
from clusterkit.command import Command, Step
from clusterkit.errors import ClusterkitError, UsageError
from clusterkit.model.audit_options import AuditOptions, since_time
from clusterkit.model.base import Model
from clusterkit.results.audit import AuditEntry, AuditResult
from clusterkit.state import clusters
from clusterkit.state.audit import add_line, audit_file, last_recorded, lines_here, read_entries
from clusterkit.state.lock import user_name
from clusterkit.transports.world import World
from clusterkit.use_cases.session import Session, Which, find, open_world

_PUBLIC = (
    *("action", "engine", "file", "from_plan", "image", "job", "launcher", "model", "name"),
    *("node", "nodes", "only", "script"),
)
"""The words of the user's own that are shown; all others may be a secret or a prompt."""
_LINES = "10000"
_INTERRUPTED = 130
# $1 is the file, whose folder may be told by the home of the user there; $2 a line, or how many.
_FILE = 'case $1 in "~/"*) file="$HOME/${1#??}" ;; *) file=$1 ;; esac; umask 077; '
_ADD = _FILE + 'test ! -d "${file%/*}" || printf "%s\\n" "$2" >>"$file"'
_READ = _FILE + 'test ! -e "$file" || tail -n "$2" -- "$file"'


@dataclass
class Noted:
    """How a verb ends; one that fails by an error need not say so."""

    exit_code: int = 0

    @property
    def outcome(self) -> str:
        """In a word."""
        if self.exit_code == 0:
            return "done"
        return "interrupted" if self.exit_code == _INTERRUPTED else "failed"


@contextmanager
def audited(
    session: Session,
    world: World,
    verb: str,
    options: Model | Mapping[str, Any],
    *,
    is_change: bool = True,
) -> Iterator[Noted]:
    """Note one run of ``verb`` with its outcome, at its end; if it changes something.

    The head is told over the connection that is open, while others are closed or given back.
    Whatever goes wrong with that is no matter of the verb's.
    """
    began, at = time.monotonic(), datetime.now(UTC).isoformat(timespec="milliseconds")
    noted = Noted()
    try:
        yield noted
    except BaseException as error:
        is_ctrl_c = isinstance(error, KeyboardInterrupt)
        noted.exit_code = getattr(error, "exit_code", _INTERRUPTED if is_ctrl_c else 1)
        raise
    finally:
        entry = AuditEntry(
            id=secrets.token_hex(8),
            at=at,
            user=user_name(),
            host=platform.node(),
            pid=os.getpid(),
            cluster=session.cluster.name,
            verb=verb,
            options=public_options(options),
            outcome=noted.outcome,
            exit_code=noted.exit_code,
            took_s=round(time.monotonic() - began, 3),
            version=__version__,
        )
        if is_change:
            _add(session, world, entry)


def audit(which: Which, options: AuditOptions) -> AuditResult:
    """What the cluster and this machine have noted; of a cluster that is gone, this machine.

    Raises:
        UsageError: If there is no such cluster, and nothing was noted of one.
    """
    name, session = _meant(which)
    lines, unheard = lines_here(name), "the cluster is not up"
    if session is not None:
        there, unheard = _lines_there(session)
        lines += there
    entries = read_entries(lines)
    if options.since is not None:
        since = since_time(options.since, datetime.now(UTC))
        entries = [row for row in entries if since is None or _moment(row.at) >= since]
    return AuditResult(
        cluster=name, entries=tuple(entries[-options.last :]), unheard=unheard or None
    )


def audit_steps(session: Session) -> list[Step]:
    """What asks the head."""
    ask = _ask(session)
    return [Step(session.cluster.head.name, "read what was noted", ask, stage="audit")]


def public_options(options: Model | Mapping[str, Any]) -> dict[str, Any]:
    """What was given, without what may be a secret or what a model was asked."""
    given = (
        options.model_dump(mode="json", exclude_defaults=True)
        if isinstance(options, Model)
        else {name: value for name, value in options.items() if value}
    )
    return {name: _public(name, value) for name, value in given.items()}


def _public(name: str, value: Any) -> Any:
    if isinstance(value, bool | int | float) or name in _PUBLIC:
        return str(value) if isinstance(value, Path) else value
    return "***"


def _add(session: Session, world: World, entry: AuditEntry) -> None:
    line = entry.model_dump_json()
    add_line(entry.cluster, line)
    head = session.cluster.head.name
    if entry.verb == "down" or not world.is_open(head):
        return
    command = Command(("sh", "-c", _ADD, "sh", _file_there(session), line), timeout_s=5)

    def tell() -> None:
        with suppress(ClusterkitError):
            world.transport(head).run(command)

    world.do_beside(tell)


def _meant(which: Which) -> tuple[str, Session | None]:
    """The cluster's name; and the cluster, where this machine knows it."""
    named = which.name or os.environ.get("CLUSTERKIT_CLUSTER") or clusters.current()
    name = named or last_recorded()
    is_known = name is not None and clusters.recall(name) is not None
    if name is None or is_known or which.inventory is not None or not audit_file(name).exists():
        session = find(which if which.inventory or name is None else replace(which, name=name))
        return session.cluster.name, session
    return name, None


def _lines_there(session: Session) -> tuple[list[str], str]:
    """The head's lines, and why there are none."""
    try:
        with open_world(session) as world:
            answer = world.transport(session.cluster.head.name).run(_ask(session))
    except (ClusterkitError, UsageError) as error:
        return [], str(error)
    return answer.stdout.splitlines(), ""


def _ask(session: Session) -> Command:
    return Command(("sh", "-c", _READ, "sh", _file_there(session), _LINES), timeout_s=30)


def _file_there(session: Session) -> str:
    return f"{session.cluster.home_of(session.cluster.head.name)}/audit.jsonl"


def _moment(at: str) -> datetime:
    return since_time(at, datetime.now(UTC)) or datetime.now(UTC)
