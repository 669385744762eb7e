"""What a task is: a desired state that can look, and say what is missing.

Tasks are pure. The executor runs what they return, so a preview is the same code path stopped
one step earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from clusterkit.command import Command, DockerLook, Result, Step
from clusterkit.facts import Images, NodeFacts

LOOK_WITHIN_S = 30.0
"""A look that takes longer is one at a machine that has stopped: it must not hold a verb up."""


@dataclass(frozen=True, slots=True)
class Change:
    """What must happen to reach the desired state. No steps means that it is already reached.

    ``summary`` says why nothing is to be done, or what is. ``facts`` are what the look taught
    about the node, ``images`` the Docker images that it saw there (name -> id). ``settles_s`` is
    how long the state may take to show after the steps.
    """

    summary: str
    steps: tuple[Step, ...] = ()
    facts: NodeFacts | None = None
    settles_s: float = 0.0
    images: Mapping[str, str] = field(default_factory=dict[str, str])


class Task(Protocol):
    """One desired state on one node.

    ``needs_answer`` is false for a task that wants to hear of a node that cannot be reached:
    it then sees exit code 255 and the reason on stderr, instead of never being asked.
    """

    @property
    def node(self) -> str:
        """The node, or ``localhost`` for what belongs to no node."""
        ...

    @property
    def needs_answer(self) -> bool:
        """Whether an unreachable node is an error."""
        ...

    def probe(self) -> Command | DockerLook:
        """What to look at; it changes nothing."""
        ...

    def plan(self, seen: Result | None) -> Change:
        """Compare what the probe saw with the desired state; None: nothing is there yet."""
        ...


Facts = Mapping[str, NodeFacts]
"""Node -> what was observed there."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stretch of the way: tasks of different nodes run at once, those of one node in order.

    ``check`` looks at the facts of all nodes together when every task is settled, and raises
    what no single node can know; ``check_images`` does so with the images that were seen.
    ``after`` names stages on which all of this one rests: while one has steps that are not
    applied, as in a plan, nothing can be known here.
    """

    name: str
    tasks: tuple[Task, ...]
    check: Callable[[Facts], None] | None = None
    after: str | tuple[str, ...] = ()
    check_images: Callable[[Images], None] | None = None
