"""``images``: which machines have which image, and what was sent to whom."""

from __future__ import annotations

from rich.text import Text

from clusterkit.quantities import counted, duration, size
from clusterkit.report.folding import fold
from clusterkit.report.tables import BAD, FAINT, GOOD, NOTHING, Block, Blocks, cell, grid, table
from clusterkit.results.images import ImageOnNode, ImagesResult, Push

_SHORT = 12
_STYLES = {"had it": FAINT, "loaded": GOOD, "failed": BAD}


def images_text(images: ImagesResult, *, wide: bool = False) -> Blocks:
    """A row for nodes that have the same; ``wide`` folds nothing, and adds whole ids."""
    if images.push is not None:
        return _pushed(images.push, images.took_s)
    columns = ["IMAGE", "ID", "NODES", "SIZE", "CREATED", ""] + (["DIGEST"] if wide else [])
    rows = table(*columns, right=["SIZE"], whole=["ID", "CREATED"])
    alike: dict[object, list[ImageOnNode]] = {}
    for row in images.images:
        alike.setdefault((row.node if wide else None, _key(row)), []).append(row)
    for group in alike.values():
        one = group[0]
        rows.add_row(
            one.image,
            cell(one.id if wide or one.id is None else _short(one.id)),
            fold(row.node for row in group),
            NOTHING if one.size_bytes is None else size(one.size_bytes),
            cell(one.created and one.created[:19].replace("T", " ")),
            _remark(one),
            *([cell(", ".join(one.digests))] if wide else []),
        )
    return [rows, *_mixed(images)]


def _key(row: ImageOnNode) -> object:
    return (row.image, row.id, row.digests, _remark(row).plain)


def _remark(row: ImageOnNode) -> Text:
    if row.error is not None:
        return Text(row.error, BAD)
    if row.id is None:
        return Text("missing", BAD)
    if row.runs is not None and row.runs != row.id:
        return Text(f"runs {_short(row.runs)} still", "yellow")
    return Text("")


def _mixed(images: ImagesResult) -> list[Block]:
    """A line for each image that is not the same everywhere."""
    ids: dict[str, set[str]] = {}
    for row in images.images:
        if row.id is not None:
            ids.setdefault(row.image, set()).add(row.id)
    wrong = [name for name, several in ids.items() if len(several) > 1]
    lines = [
        Text(f"{name} is not the same everywhere. To send one to all: images push {name}", BAD)
        for name in wrong
    ]
    return ["", *lines] if lines else []


def _pushed(push: Push, took_s: float) -> Blocks:
    loaded = [row for row in push.nodes if row.state == "loaded"]
    failed = [row for row in push.nodes if row.state == "failed"]
    if loaded:
        sent = sum(row.sent_bytes for row in loaded)
        what = f"loaded on {counted(len(loaded), 'machine')} in {duration(took_s)}"
        how = f"{what}; {size(sent)} sent"
    else:
        how = "nothing was sent"
    blocks: list[Block] = [
        Text.assemble(
            (f"{push.image} {_short(push.id)}", BAD if failed else GOOD),
            f" ({size(push.size_bytes)}): {how}.",
        )
    ]
    rows = grid("left", "left", "left")
    for state in ("had it", "loaded"):
        names = [row.node for row in push.nodes if row.state == state]
        if names:
            rows.add_row(fold(names), Text(state, _STYLES[state]), "")
    for row in failed:
        rows.add_row(row.node, Text("failed", BAD), row.error or "")
    return [*blocks, rows]


def _short(image_id: str) -> str:
    return image_id.rpartition(":")[2][:_SHORT]
