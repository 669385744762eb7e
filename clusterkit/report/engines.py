"""``engines``: a row an engine, and what is damaged where."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from clusterkit.quantities import counted, duration, size
from clusterkit.report.folding import fold
from clusterkit.report.tables import BAD, GOOD, NOTHING, Block, Blocks, cell, grid, table
from clusterkit.results.engines import EnginesResult, ListedEngine

_NOT_FACTS = ("engine", "key", "stages", "rank_files", "common_files")
"""What a manifest tells of the engine for programs, or what is shown otherwise."""


def engines_text(engines: EnginesResult, *, wide: bool = False) -> Blocks:
    """What there is and what is wrong with it; ``wide`` adds where it lies."""
    blocks: list[Block] = []
    if engines.removed:
        blocks.append(Text(f"Removed from {fold(engines.removed)}.", GOOD))
    if engines.pushed:
        how_long = duration(engines.took_s)
        blocks.append(Text(f"Brought to {fold(engines.pushed)} in {how_long}.", GOOD))
    shown = [engine for engine in engines.engines if engine.manifest]
    if shown:
        blocks += _shown(shown[0])
    elif engines.engines:
        blocks.append(_table(engines, wide=wide))
    elif not engines.removed:
        blocks.append("No engines.")
    wrong = _wrong(engines)
    if wrong.row_count:
        blocks += ["", wrong]
    elif engines.verified and engines.engines:
        what = counted(len(engines.engines), "engine")
        blocks += ["", Text(f"{what} read in {duration(engines.took_s)}: as built.", GOOD)]
    return blocks


def _table(engines: EnginesResult, *, wide: bool) -> Table:
    columns = ["ENGINE", "VERSION", "TP", "PP", "SIZE", "ON"] + (
        ["FAMILY", "GPU", "FOLDER"] if wide else []
    )
    rows = table(*columns, right=["TP", "PP", "SIZE"], whole=["VERSION"])
    for engine in engines.engines:
        rows.add_row(
            engine.name,
            cell(engine.version),
            cell(engine.tp),
            cell(engine.pp),
            NOTHING if engine.size_bytes is None else size(engine.size_bytes),
            _states(engine),
            *([cell(engine.family), cell(engine.gpu), engine.folder] if wide else []),
        )
    return rows


def _states(engine: ListedEngine) -> Text:
    """``ready on node[1-2], absent on node3``."""
    nodes: dict[str, list[str]] = {}
    for node, state in engine.nodes.items():
        nodes.setdefault(state, []).append(node)
    words = ", ".join(f"{state} on {fold(names)}" for state, names in nodes.items())
    return Text(words, BAD if "damaged" in nodes else GOOD if "ready" in nodes else "")


def _shown(engine: ListedEngine) -> list[Block]:
    """The manifest: what it was built from, and its files."""
    manifest = engine.manifest or {}
    facts = grid("left", "left")
    facts.add_row(Text("engine", "bold"), engine.name)
    facts.add_row(Text("folder", "bold"), engine.folder)
    facts.add_row(Text("state", "bold"), _states(engine))
    about: dict[str, Any] = manifest.get("engine", {})
    key: dict[str, Any] = about.get("key", {})
    ranks = _ranks(about.get("rank_files", ()))
    told = {name: value for name, value in {**key, **about}.items() if name not in _NOT_FACTS}
    for name, value in told.items():
        facts.add_row(Text(name.replace("_", " "), "bold"), _value(value))
    for stage, *words in key.get("stages", ()):
        facts.add_row(Text(stage, "bold"), shlex.join(words))
    files = table("FILE", "RANK", "SIZE", "SHA256", right=["RANK", "SIZE"], whole=["FILE"])
    for name, file in manifest.get("files", {}).items():
        files.add_row(name, cell(ranks.get(name)), size(file["size"]), file["sha256"])
    return [facts, "", files]


def _ranks(rank_files: Any) -> dict[str, int]:
    return {name: rank for rank, names in enumerate(rank_files) for name in names}


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {each}" for name, each in value.items() if each is not None)
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or NOTHING
    return cell(value)


def _wrong(engines: EnginesResult) -> Table:
    wrong = grid("left", "left")
    for node, why in engines.unreachable.items():
        wrong.add_row(Text(f"! {node}", BAD), why)
    for engine in engines.engines:
        for node, problems in engine.problems.items():
            for problem in problems:
                wrong.add_row(Text(f"! {node}", BAD), f"{engine.name}: {problem}")
    return wrong
