"""Everything clusterkit raises on purpose, split by what the caller can do about it.

ClusterkitError            one message, no traceback; exit code 1
├── UsageError             the request is wrong, nothing was touched; exit code 2
│   ├── FileMistakes       a YAML file is wrong: every mistake, each with its line and a fix
│   └── DoesNotFit         the job asks for more than the cluster or the model has
├── TransportError         a node could not be reached, so there is no exit code; exit code 4
│   └── CommandTimeout     a command was ended because it ran too long; exit code 124
├── CommandFailed          a command ran and exited non-zero: carries the result
├── DidNotConverge         steps were applied, and looking again still shows a difference
├── PlanDiffers            what a plan that is to be applied was made of has changed; exit code 6
├── NotFit                 nodes are not fit for a job: says which
├── NotOurs                something that clusterkit did not make is in the way; never touched
├── Locked                 another operator is changing this cluster; exit code 5
│   └── LockLost           our own lock is another's now: nothing more is changed; exit code 5
├── JobFailed              a job ended otherwise than asked: says which rank or node, and how
├── ServerFailed           a model server refused, broke off or did not answer: carries its status
├── NodesFailed            several nodes failed: carries every node's error; exit code 1, 3 or 4
└── Interrupted            the user pressed Ctrl-C; exit code 130
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clusterkit.command import Command, Result

_TAIL_LINES = 10


class ClusterkitError(Exception):
    """Base of every error that the CLI reports as one message, without a traceback."""

    exit_code = 1


class UsageError(ClusterkitError):
    """The words, the inventory or the state do not allow this request."""

    exit_code = 2


class FileMistakes(UsageError):
    """A file that the user wrote does not describe what it should.

    Each of ``problems`` reads ``file:line: field: what. Fix: …``.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class DoesNotFit(UsageError):
    """The job asks for more than the cluster has, or for a split that the model does not allow."""


class TransportError(ClusterkitError):
    """The node could not be reached; the command may not have started."""

    exit_code = 4

    def __init__(self, node: str, reason: str) -> None:
        self.node = node
        super().__init__(f"{node}: {reason}")


class CommandTimeout(TransportError):
    """The command was ended because it ran longer than its time limit."""

    exit_code = 124

    def __init__(self, node: str, command: Command) -> None:
        self.command = command
        super().__init__(node, f"ended after {command.timeout_s:g} s: {command}")


class CommandFailed(ClusterkitError):
    """A command exited non-zero. ``result`` holds its full output."""

    def __init__(self, result: Result) -> None:
        self.result = result
        tail = "\n".join((result.stderr or result.stdout).splitlines()[-_TAIL_LINES:])
        super().__init__(
            f"{result.node}: exit {result.exit_code}: {result.command}\n{tail}".rstrip()
        )


class DidNotConverge(ClusterkitError):
    """A task's steps were applied, and its next look still asks for more."""


class PlanDiffers(ClusterkitError):
    """The cluster or the inventory is not what the plan was made of."""

    exit_code = 6


class NotFit(ClusterkitError):
    """Nodes were looked at before a job, and it could only fail. ``nodes`` maps each to why."""

    def __init__(self, message: str, nodes: Mapping[str, str]) -> None:
        self.nodes = dict(nodes)
        super().__init__(message)


class NotOurs(ClusterkitError):
    """Something that clusterkit did not make has the name or address that we need."""


class Locked(ClusterkitError):
    """Another operator holds the cluster's lock."""

    exit_code = 5


class LockLost(Locked):
    """The lock was taken over, or removed, while a verb that held it was at work."""


class JobFailed(ClusterkitError):
    """A job ended otherwise than asked. ``cause`` is what its end was put down to, if known."""

    def __init__(
        self, message: str, *, exit_code: int = 1, cause: Mapping[str, Any] | None = None
    ) -> None:
        self.exit_code = exit_code
        self.cause = cause
        super().__init__(message)


class ServerFailed(ClusterkitError):
    """A model server did not answer as asked. ``status`` None: not in the words of HTTP.

    ``retry_after_s`` is when the server wants to be asked again, where it said so.
    """

    def __init__(
        self, message: str, *, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        self.status = status
        self.retry_after_s = retry_after_s
        is_request_wrong = status is not None and status in (400, 401, 403, 404, 413, 422)
        self.exit_code = 4 if status is None else 2 if is_request_wrong else 1
        super().__init__(message)


class NodesFailed(ClusterkitError):
    """Several nodes were asked, and some or all of them failed.

    ``failures`` maps each failing node to its error, in the order of the nodes asked. The exit
    code is 4 if every failure is "unreachable" and none succeeded, 3 if some nodes succeeded,
    124 if every failure is a time-out, else 1.
    """

    def __init__(self, failures: Mapping[str, ClusterkitError], *, succeeded: int) -> None:
        self.failures = dict(failures)
        codes = {error.exit_code for error in self.failures.values()}
        self.exit_code = 3 if succeeded else codes.pop() if len(codes) == 1 else 1
        super().__init__("\n".join(_led_by(node, error) for node, error in failures.items()))


class Interrupted(ClusterkitError):
    """The user asked to stop."""

    exit_code = 130


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str) -> str:
    """The fix for a word that nobody knows."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean `{close[0]}`?" if close else otherwise


def what_and_fix(message: str) -> tuple[str, str]:
    """What a message says is wrong, and its last fix, which may be empty."""
    what, found, fix = message.rpartition("Fix: ")
    return (what.rstrip(), fix) if found else (message, "")


def reason(node: str, error: ClusterkitError) -> str:
    """The message of ``error`` for a place that names the node itself."""
    return str(error).removeprefix(f"{node}:").strip()


def _led_by(node: str, error: ClusterkitError) -> str:
    """The message of ``error``, beginning with the name of the node."""
    text = str(error)
    return text if text.startswith(f"{node}:") else f"{node}: {text}"
