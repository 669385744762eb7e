"""What one rank runs, as an engine describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RankProgram:
    """The program of every rank of a job; ranks differ by RANK and its like in the environment.

    It runs in the job's folder on its node, where ``files`` lie (name -> content). Its stdin
    reads nothing. Lines of JSON that it writes to the file descriptor in CLUSTERKIT_EVENTS_FD
    are its answers; stdout and stderr are its log.

    ``chdir`` is a folder of the nodes in which it runs instead; a word of ``argv`` that is the
    name of one of ``files`` is then that file's path.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes], repr=False)
    chdir: str | None = None
