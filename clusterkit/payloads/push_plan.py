"""Which bytes each node of a chain takes, keeps and passes on, and who holds the others up; pure.

What is there of a file is its beginning, so all that is missing is told by where it begins.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple  # noqa: UP035


class Part(NamedTuple):
    """What one node does with one file: the positions from which on; None: not at all.

    What is passed on and not taken, the node has whole, and reads it from its own disk.
    """

    name: str
    taken: Optional[int]  # noqa: UP045 - Python 3.8
    kept: Optional[int]  # noqa: UP045
    passed: Optional[int]  # noqa: UP045

    @property
    def begin(self) -> int:
        """The first position that is taken or read."""
        begin = self.passed if self.taken is None else self.taken
        assert begin is not None  # noqa: S101 - a part is taken or passed on
        return begin


def parts(sizes: Mapping[str, int], chain: Sequence[Mapping[str, int]]) -> List[List[Part]]:  # noqa: UP006
    """What each node of ``chain`` does, file by file, in one order for all.

    A node is what it wants, with how many bytes of each it has; the first has all. Each takes
    what it lacks or a later one lacks, unless it has the whole file, which it then reads itself.
    """
    rows: List[List[Part]] = []  # noqa: UP006
    wanted: Dict[str, int] = {}  # noqa: UP006 - by the next one, and from where on
    for has in reversed(chain):
        row = []
        for name in sorted(sizes):
            own, passed = has.get(name), wanted.get(name)
            kept = None if own == sizes[name] else own
            taken = None
            if own != sizes[name]:
                taken = min((each for each in (kept, passed) if each is not None), default=None)
            if taken is not None or passed is not None:
                row.append(Part(name, taken, kept, passed))
        wanted = {part.name: part.taken for part in row if part.taken is not None}
        rows.append(row)
    rows.reverse()
    return rows


def culprit(
    states: Sequence[Optional[Mapping[str, Any]]],  # noqa: UP045
    limit_s: float,
) -> Optional[Tuple[int, str]]:  # noqa: UP006, UP045
    """Who holds the chain up, and at what: ``reading``, ``writing``, or ``link`` to it.

    A state says since how many seconds a node has been at one step; None: it is done. More than
    ``limit_s`` is too long, but for who waits for bytes: they may be those of others.
    """
    for index, state in enumerate(states):
        for step in ("reading", "writing"):
            if state and state.get(step, 0.0) > limit_s:
                return index, step
    stuck = [
        index
        for index, state in enumerate(states)
        if state and state.get("sending", 0.0) > limit_s
    ]
    if stuck:  # the last of them presses on one that takes nothing, and the others on it
        return stuck[-1] + 1, "link"
    for index in range(1, len(states)):
        state = states[index]
        if states[index - 1] is None and state and state.get("receiving", 0.0) > limit_s:
            return index, "link"
    return None
