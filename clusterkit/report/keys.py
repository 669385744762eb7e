"""``keys``: whose key, its fingerprint, and whether it is the one that is really there."""

from __future__ import annotations

from rich.text import Text

from clusterkit.quantities import counted, duration
from clusterkit.report.tables import BAD, FAINT, GOOD, Block, Blocks, cell, grid, table
from clusterkit.results.keys import KeysResult, ShownKey

_STYLES = {"same": GOOD, "rotating": "yellow", "differs": BAD, "missing": BAD, "unknown": FAINT}


def keys_text(keys: KeysResult, *, wide: bool = False) -> Blocks:
    """What was replaced, a row a key, and what is wrong; ``wide`` adds where each lies."""
    blocks: list[Block] = []
    if keys.rotated:
        names = ", ".join(row.key for row in keys.rotated)
        what = f"{counted(len(keys.rotated), 'key')} replaced in {duration(keys.took_s)}"
        head = Text.assemble((what, GOOD), f": {names}. The old ones are refused everywhere.")
        blocks += [head, ""]
    columns = ["KEY", "NODE", "FINGERPRINT", "AGE", "SEEN"] + (["PATH"] if wide else [])
    rows = table(*columns, right=["AGE"], whole=["KEY", "NODE", "FINGERPRINT", "SEEN"])
    for key in keys.keys:
        rows.add_row(
            key.key,
            cell(key.node),
            cell(key.fingerprint),
            cell(None if key.age_s is None else _age(key.age_s)),
            Text(key.state, _STYLES[key.state]),
            *([key.path] if wide else []),
        )
    blocks.append(rows)
    wrong = grid("left", "left")
    for key in keys.keys:
        if key.why:
            wrong.add_row(Text(f"! {_name(key)}", BAD), _wrong(key))
    if wrong.row_count:
        blocks += ["", wrong]
    if keys.rotation:
        names = ", ".join(keys.rotation.keys)
        line = f"A rotation of {names} began at {keys.rotation.began_at} and is not at its end."
        blocks += ["", line, "To finish it: clusterkit keys rotate"]
    return blocks


def _name(key: ShownKey) -> str:
    return f"{key.key} {key.node}" if key.key == "host" else key.key


def _wrong(key: ShownKey) -> str:
    seen = f" ({', '.join(key.seen)})" if key.seen else ""
    return f"{key.why}{seen}"


def _age(seconds: float) -> str:
    """Days from two days on: keys live long."""
    days = int(seconds // 86_400)
    return f"{days} days" if days >= 2 else duration(seconds)
