"""What a check finds, and the shapes that most findings have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from clusterkit.model.node_sets import fold

State = Literal["pass", "warn", "fail", "skip"]
"""``skip``: it could not be looked at, or there is nothing of it; ``seen`` says which."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen on some nodes, and how to mend it where it is not right."""

    state: State
    nodes: tuple[str, ...]
    seen: str
    fix: str | None = None


def same(values: Mapping[str, str | None], what: str, *, fix: str) -> list[Finding]:
    """Fail the nodes that differ from most; where no value has the most, from the first node."""
    if not values:
        return [Finding("skip", (), f"no node tells {what}")]
    counts = Counter(values.values())
    first = next(iter(values.values()))
    usual = max(counts, key=lambda value: (counts[value], value == first))
    odd = tuple(node for node, value in values.items() if value != usual)
    if not odd:
        return [Finding("pass", tuple(values), str(usual or f"no {what}"))]
    rest = tuple(node for node, value in values.items() if value == usual)
    have = "; ".join(
        f"{value or 'none'} on {fold(node for node, its in values.items() if its == value)}"
        for value in dict.fromkeys(values[node] for node in odd)
    )
    return [Finding("fail", odd, f"{have}, but {usual or 'none'} on {fold(rest)}", fix)]


def measured(
    values: Mapping[str, float],
    state_of: Callable[[str, float], State],
    text: Callable[[float], str],
    *,
    fix: str,
) -> list[Finding]:
    """One finding for each state, with the range of its values."""
    found = []
    for state in ("fail", "warn", "pass"):
        group = {node: value for node, value in values.items() if state_of(node, value) == state}
        if group:
            least, most = text(min(group.values())), text(max(group.values()))
            seen = least if least == most else f"{least} to {most}"
            found.append(Finding(state, tuple(group), seen, None if state == "pass" else fix))
    return found


def by_text(state: State, texts: Mapping[str, str], *, fix: str | None = None) -> list[Finding]:
    """One finding for the nodes of which the same is said."""
    return [
        Finding(state, tuple(node for node, its in texts.items() if its == text), text, fix)
        for text in dict.fromkeys(texts.values())
    ]
