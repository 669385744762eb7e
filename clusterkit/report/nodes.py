"""``exec`` and ``cp``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.text import Text

from clusterkit.quantities import size
from clusterkit.report.folding import fold
from clusterkit.report.tables import BAD, Block, Blocks, Pieces
from clusterkit.results.nodes import CpResult, ExecResult, NodeOutput


def exec_text(done: ExecResult, *, wide: bool = False) -> Blocks:
    """Output as it is; equal output of several nodes once, below their names.

    One node that answered well shows its output alone, so that it can be piped on. ``wide``
    folds nothing.
    """
    alike: dict[tuple[object, ...], list[NodeOutput]] = {}
    for one in done.nodes:
        key = (one.exit_code, one.stdout, one.stderr, one.error, one.node if wide else None)
        alike.setdefault(key, []).append(one)
    if len(done.nodes) == 1 and done.nodes[0].exit_code == 0:
        return _output(done.nodes[0])
    blocks: list[Block] = []
    for group in alike.values():
        blocks += [_header(group), *_output(group[0])]
    return blocks


def cp_text(copied: CpResult, *, wide: bool = False) -> Blocks:
    """One line a file or folder."""
    del wide
    return [f"{c.node}: {c.source} -> {c.target} ({size(c.size_bytes)})" for c in copied.copies]


def _header(group: list[NodeOutput]) -> Text:
    """``--- node[1-3] (3)``, and how it ended where that was not well."""
    header = Text.assemble("--- ", (fold(one.node for one in group), "bold"))
    if len(group) > 1:
        header.append(f" ({len(group)})")
    match group[0]:
        case NodeOutput(exit_code=None, error=error):
            header.append(f" {error or 'no exit code'}", BAD)
        case NodeOutput(exit_code=code) if code != 0:
            header.append(f" exit {code}", BAD)
    return header


def _output(one: NodeOutput) -> list[Block]:
    return [Pieces(one.stdout.pieces), Pieces(lambda: _marked(one.stderr.pieces()))]


def _marked(pieces: Iterable[str]) -> Iterator[str]:
    """Begin each line with ``stderr:``."""
    begins = True
    for piece in pieces:
        for line in piece.splitlines(keepends=True):
            yield f"stderr: {line}" if begins else line
            begins = line.endswith("\n")
