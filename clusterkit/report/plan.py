"""``plan``, ``up`` and ``down`` in the manner of Terraform: + makes, ~ changes, - removes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.text import Text

from clusterkit.command import HOST
from clusterkit.quantities import counted, duration, size
from clusterkit.report.folding import FOLD_ABOVE, fold, without
from clusterkit.report.tables import BAD, FAINT, GOOD, Block, Blocks, grid, signed
from clusterkit.results.plan import DownResult, PlannedStep, PlanResult, UpResult
from clusterkit.results.plan_file import PlanFile

_Line = tuple[str, str, str]
"""Stage, sign, summary."""
_UNKNOWN = re.compile(r"(\S+): (\S+) <known after (\S+)>")
_AFTER = {
    "nodes": "the nodes are up",
    "trust": "the nodes can be logged in to",
    "storage": "the storage is made",
}


def plan_text(plan: PlanResult, *, wide: bool = False) -> Blocks:
    """What would change, node by node; ``wide`` also shows what is already so."""
    lines: list[tuple[str, _Line]] = [
        (step.node, (step.stage, step.sign, step.summary)) for step in plan.steps
    ]
    if wide:
        lines += [(item.node, (item.stage, "=", item.summary)) for item in plan.settled]
    blocks = [*_by_node(lines)]
    if plan.unknown:
        blocks += [signed("?", line) for line in _not_known(plan.unknown)] + [""]
    return [*blocks, _totals(plan)]


def plan_file_text(file: PlanFile, *, wide: bool = False) -> Blocks:
    """A plan in a file, as it was shown when it was made."""
    return plan_text(file.plan, wide=wide)


def up_text(up: UpResult, *, wide: bool = False) -> Blocks:
    """What ``up`` came to; ``wide`` also shows every step."""
    blocks: list[Block] = []
    if wide:
        blocks += _by_node(_timed(step.node, step, step.took_s) for step in up.steps)
    warnings = [Text(f"! {line}", "yellow") for line in _stand_ins(up)]
    if up.changes == 0:
        return [*blocks, *warnings] if warnings else [*blocks, _nothing(up.cluster)]
    parts = [counted(len(up.nodes), "node"), counted(up.slots, "slot")] if up.nodes else []
    parts += [counted(len(up.spares), "spare")] if up.spares else []
    parts.append(f"{counted(up.changes, 'change')} in {duration(up.took_s)}")
    end = Text.assemble((f"Cluster {up.cluster} is up: ", GOOD), ", ".join(parts), ".")
    return [*blocks, end, *warnings]


def _stand_ins(up: UpResult) -> list[str]:
    """What is not as the inventory says, because of nodes that could not be brought up."""
    lines = [f"{each.by} has the place of {each.node}: {each.why}" for each in up.replaced]
    lines += [f"{name} is left out, a spare: {why}" for name, why in up.left_out.items()]
    again = "Once that is mended, `clusterkit up` again gives each node its own place."
    return [*lines, again] if lines else []


def down_text(down: DownResult, *, wide: bool = False) -> Blocks:
    """What was removed, what stays on purpose, and whether anything is left."""
    blocks: list[Block] = []
    if wide:
        blocks += _by_node(_timed(step.node, step, step.took_s) for step in down.removed)
    what = _end(down)
    steps = f": {counted(down.changes, 'change')} in {duration(down.took_s)}"
    blocks.append(f"Cluster {down.cluster} {what}{steps if down.changes else ''}.")
    for kept in down.kept:
        weight = "" if kept.size_bytes is None else f" ({size(kept.size_bytes)})"
        line = Text.assemble(("= ", FAINT), f"{kept.node}: {kept.what}{weight} stays: {kept.why}.")
        blocks.append(line)
        if kept.remove_with:
            blocks.append(f"  To remove it: {kept.remove_with}")
    if not down.left:
        return [*blocks, Text("Nothing else is left." if down.kept else "Nothing is left.", GOOD)]
    blocks.append(Text(f"{counted(len(down.left), 'thing is', 'things are')} left:", BAD))
    return [*blocks, *(Text("  ! " + what.replace("\n", "\n    ")) for what in down.left)]


def _end(down: DownResult) -> str:
    if down.left:
        return "is not all gone"
    return "is down" if down.changes else "was not there"


def _by_node(lines: Iterable[tuple[str, _Line]]) -> list[Block]:
    """One paragraph a node; of many nodes, those with the same lines share one."""
    found: dict[str, list[_Line]] = {}
    for node, line in lines:
        found.setdefault(node, []).append(line)
    nodes = _in_order(found)
    blocks: list[Block] = []
    for title, rows in _folded(nodes) if len(nodes) > FOLD_ABOVE else nodes.items():
        body = grid("left", "left", indent=2)
        for stage, group in groupby(rows, key=lambda row: row[0]):
            for position, (_, sign, summary) in enumerate(group):
                body.add_row("", "" if position else stage, signed(sign, summary))
        blocks += [Text(title, "bold"), body, ""]
    return blocks


def _in_order(nodes: dict[str, list[_Line]]) -> dict[str, list[_Line]]:
    """Nodes by name, as people count them: they were heard as they answered.

    The host of all of them stays ahead of nodes that are made, or behind removed ones.
    """
    names = sorted((name for name in nodes if name != HOST), key=_counted_by)
    if HOST in nodes:
        names.insert(0 if next(iter(nodes)) == HOST else len(names), HOST)
    return {name: nodes[name] for name in names}


def _counted_by(name: str) -> list[tuple[int, str]]:
    """``gpu2`` before ``gpu10``."""
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r"(\d+)", name)]


def _folded(nodes: dict[str, list[_Line]]) -> list[tuple[str, Sequence[_Line]]]:
    alike: dict[tuple[_Line, ...], list[str]] = {}
    for node, rows in nodes.items():
        key = tuple((stage, sign, without(node, summary)) for stage, sign, summary in rows)
        alike.setdefault(key, []).append(node)
    return [
        (f"{fold(names)} ({len(names)})", key) if len(names) > 1 else (names[0], nodes[names[0]])
        for key, names in alike.items()
    ]


def _not_known(unknown: Iterable[str]) -> list[str]:
    """What cannot be known yet, and until when; nodes of which it is the same share a line."""
    nodes: dict[str, list[str]] = {}
    for text in unknown:
        found = _UNKNOWN.fullmatch(text)
        if found:
            node, stage, after = found.groups()
            when = _AFTER.get(after, f"the stage {after}")
            nodes.setdefault(f"{stage}: known after {when}", []).append(node)
        else:
            nodes.setdefault(text, [])
    folded = {what: fold(names) for what, names in nodes.items()}
    width = max(map(len, folded.values()))
    return [f"{names:<{width}}  {what}" if names else what for what, names in folded.items()]


def _timed(node: str, step: PlannedStep, took_s: float) -> tuple[str, _Line]:
    return node, (step.stage, step.sign, f"{step.summary} … {duration(took_s)}")


def _totals(plan: PlanResult) -> Text:
    if plan.changes == 0:
        return _nothing(plan.cluster)
    signs = Counter(step.sign for step in plan.steps)
    return Text.assemble(
        ("Plan: ", "bold"),
        f"{signs['+']} to add, {signs['~']} to change, {signs['-']} to destroy.",
    )


def _nothing(cluster: str) -> Text:
    return Text.assemble(("No changes. ", GOOD), f"Cluster {cluster} is as the inventory says.")
