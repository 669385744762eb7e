"""What can be done to a node, as plain data that crosses between pure code and effects.

An action is a command to run, a file to put, or a call to a Docker engine. A step says where an
action belongs and why. Nothing here runs anything.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from clusterkit.errors import CommandFailed

T = TypeVar("T")

HOST = "localhost"
"""The node of what belongs to no node: networks, images, the controlling machine's own files."""

_SECRET = re.compile(
    "TOKEN(?!IZER)|SECRET|PASSW|PASSPHRASE|CREDENTIAL|APIKEY|(^|_)(KEY|PASS|AUTH)($|_)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Command:
    """One process to start.

    ``argv`` is never a shell string, so no word needs quoting. ``env`` is added to the
    environment there. ``stdin`` is what the process reads; None means that it reads nothing.
    Printing a command shows neither, and of a word of many lines the first. After ``timeout_s``
    the process is ended where it runs.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    stdin: bytes | None = field(default=None, repr=False)
    timeout_s: float | None = None

    def __post_init__(self) -> None:
        if not self.argv:
            raise ValueError("argv must name a program")

    def __str__(self) -> str:
        return shlex.join(in_one_line(word) for word in self.argv)


@dataclass(frozen=True, slots=True)
class Put:
    """One file to write, atomically: readers see the old content or the new. Parents are made."""

    path: str
    content: bytes = field(repr=False)
    mode: int = 0o644

    @property
    def sha256(self) -> str:
        """The digest of the content, in hex."""
        return hashlib.sha256(self.content).hexdigest()

    def __str__(self) -> str:
        return f"put {self.path} ({len(self.content)} bytes, mode {self.mode:o})"


DockerOperation = Literal[
    "build",  # an image: context, dockerfile, args, network, labels
    "pull",  # an image
    "network",  # subnet, labels
    "volume",  # labels; one that exists stays as it is, and the answer tells its labels
    "create",  # a container, not started, with files put into it: see providers/docker.py
    "put",  # files into a container, running or not
    "start",  # listens: the address and port that must be free on its machine
    "restart",
    "kill",  # a container: SIGKILL to all that it runs
    "pause",  # a container: freeze all that it runs
    "unpause",
    "connect",  # a container to a network: network, address, aliases
    "disconnect",  # a container from a network: network
    "remove",  # a container, running or not
    "remove-network",
    "remove-volume",
]


@dataclass(frozen=True, slots=True)
class DockerCall:
    """One change to ask of a Docker engine: an operation on an object, by name.

    ``arguments`` are what the operation takes; ``files`` are put into a container.
    """

    operation: DockerOperation
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    files: tuple[Put, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return f"docker {self.operation} {self.name}"


@dataclass(frozen=True, slots=True)
class DockerLook:
    """A question to a Docker engine that changes nothing.

    The answer is JSON on stdout: all networks; the containers and volumes that are labelled as
    the cluster's or have one of ``names``; and the ``images``. Without a ``cluster``, those of
    every cluster, locks as well.
    """

    cluster: str | None
    names: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


Action = Command | Put | DockerCall
"""What a step does."""


@dataclass(frozen=True, slots=True)
class Step:
    """One action on one node, with the reason in words.

    ``stage`` is the stage of the plan. ``sign`` says what the step does to the cluster: ``+``
    makes, ``~`` changes, ``-`` removes something.
    """

    node: str
    summary: str
    action: Action
    sign: Literal["+", "~", "-"] = "~"
    stage: str = ""

    def as_json(self) -> dict[str, Any]:
        """The form that ``--dry-run -o json`` prints; what is not public reads ``***``."""
        row: dict[str, Any] = {"node": self.node, "stage": self.stage}
        match self.action:
            case Command(argv, env):
                row |= {"kind": "command", "argv": list(argv), "env": shown(env)}
            case Put(path):
                row |= {"kind": "put", "argv": [path], "env": {}}
            case DockerCall(operation, name, arguments):
                env = shown(arguments.get("env", {}))
                row |= {"kind": "docker", "argv": [operation, name], "env": env}
        return row | {"summary": self.summary}


@dataclass(frozen=True, slots=True)
class Result:
    """What an action left behind on one node. Any exit code is data until :meth:`check`."""

    node: str
    command: Action | DockerLook
    exit_code: int
    stdout: str = ""
    stderr: str = ""

    @property
    def ok(self) -> bool:
        """Whether the exit code is zero."""
        return self.exit_code == 0

    def check(self) -> Result:
        """Return this result, or raise :class:`CommandFailed` if the command failed."""
        if not self.ok:
            raise CommandFailed(self)
        return self


def shown(env: Mapping[str, T]) -> dict[str, T | str]:
    """``env`` as it may be printed: the text of a name that sounds like a secret is ``***``."""
    return {
        name: "***" if isinstance(value, str) and _SECRET.search(name.replace("-", "_")) else value
        for name, value in env.items()
    }


def in_one_line(word: str) -> str:
    """A word as people read it: of a script, its first line."""
    first, *more = word.strip().splitlines() or [""]
    return f"{first} …" if more else word
