"""Faults inside a container: its network, its disk, its clock, its ranks."""

from __future__ import annotations

from dataclasses import dataclass

from clusterkit.command import Command, Result, Step
from clusterkit.model.cluster import Cluster
from clusterkit.model.fault import STORAGE, offset
from clusterkit.providers.docker.lab import marks
from clusterkit.providers.docker.lab.of_fault import OfFault
from clusterkit.tasks.base import Change

NOT_HERE = "no such rank runs here"
"""What is said of a node on which a rank is not."""

_SETTLES_S = 5.0


@dataclass(frozen=True, slots=True)
class Inside(OfFault):
    """One container has such a fault; with ``undone``, it has it no more."""

    def probe(self) -> Command:
        """All faults of the container."""
        return marks.look(self.cluster, self.node)

    def plan(self, seen: Result | None) -> Change:
        """Leave the marks that are missing, or take away those that are there."""
        wanted = marks.wanted(self.cluster, self.fault)
        found = marks.read(seen.check().stdout) if seen else frozenset()
        if self.undone:
            steps = tuple(
                Step(self.node, f"heal: {_words(self.cluster, mark)}", self._undo(mark))
                for mark in wanted
                if mark in found or seen is None
            )
            return Change(f"{self.fault}: healed", steps)
        steps = tuple(
            Step(self.node, _words(self.cluster, mark), self._make(mark))
            for mark in wanted
            if mark not in found
        )
        return Change(f"{self.fault}: made", steps)

    def _make(self, mark: marks.Mark) -> Command:
        return marks.make(self.cluster, self.node, mark)

    def _undo(self, mark: marks.Mark) -> Command:
        return marks.undo(self.cluster, self.node, mark)


@dataclass(frozen=True, slots=True)
class OfRank(OfFault):
    """A rank is killed or hangs, wherever it runs; with ``undone``, it goes on."""

    def probe(self) -> Command:
        """The ranks that run there."""
        return marks.look(self.cluster, self.node)

    def plan(self, seen: Result | None) -> Change:
        """Signal it, if it is here and has not got the signal."""
        rank = str(self.fault.value)
        name = "CONT" if self.undone else "KILL" if self.fault.kind == "kill-rank" else "STOP"
        what = {"KILL": "kill", "STOP": "stop", "CONT": "heal: let go on"}[name]
        signal = marks.signal(rank, name, group=name != "KILL")
        step = Step(self.node, f"{what} rank {rank}, if it runs here", signal)
        if seen is None:
            return Change(str(self.fault), (step,))
        states = {
            mark[2] for mark in marks.read(seen.check().stdout) if mark[:2] == ("rank", rank)
        }
        if not states:
            return Change(NOT_HERE)
        if name != "KILL" and (states == {"T"}) != self.undone:
            return Change(f"{self.fault}: {'healed' if self.undone else 'made'}")
        return Change(str(self.fault), (step,), settles_s=_SETTLES_S)


def _words(cluster: Cluster, mark: marks.Mark) -> str:
    """What a mark means, for people."""
    names = {str(node.address): node.name for node in cluster.nodes}
    match mark:
        case ("out", address):
            return f"drop what goes to {names.get(address, address)}"
        case ("in", address):
            return f"drop what comes from {names.get(address, address)}"
        case ("no-ssh",):
            return "drop what comes to its sshd"
        case ("rate", value):
            return f"send no more than {value}/s"
        case ("clock", value):
            return f"show what sshd starts a clock that is off by {offset(int(value))}"
        case ("full", what):
            return f"fill the {'storage' if what == STORAGE else 'disk of its jobs'}"
        case _:
            return " ".join(mark)
