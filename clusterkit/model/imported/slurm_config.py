"""The records of slurm.conf and of ``scontrol show node``: keys and values, with their line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from clusterkit.model.imported.found import Line, Remarks

_KINDS = ("nodename", "partitionname", "nodeset")
_PAIR = re.compile(r"(?:^|(?<=\s))([A-Za-z][\w:]*)\s*=\s*(\"[^\"]*\"|\S*)")
_DEEPEST = 10

Record = tuple[Line, dict[str, str]]


def logical_lines(
    file: str,
    text: str,
    remarks: Remarks,
    read: Callable[[str], str] | None,
    *,
    depth: int = 0,
) -> Iterator[Record]:
    """Every record of a node, a partition or a node set; other settings are Slurm's own."""
    record: Record | None = None
    for line, content in _joined(file, text):
        if included := re.match(r"include\s+(\S+)", content, re.IGNORECASE):
            if record:
                yield record
            record = None
            yield from _included(included[1], line, remarks, read, depth)
            continue
        pairs = {key.lower(): value.strip('"') for key, value in _PAIR.findall(content)}
        first = next(iter(pairs), "")
        if first in _KINDS:
            if record:
                yield record
            record = (line, pairs)
        elif record and content[:1].isspace():  # scontrol: one record, many lines
            record = (record[0], {**record[1], **pairs})
    if record:
        yield record


def _joined(file: str, text: str) -> Iterator[tuple[Line, str]]:
    """Lines without comments; one that ends in a backslash goes on with the next."""
    begun, start = "", 0
    for number, content in enumerate(text.splitlines(), 1):
        part = re.sub(r"^\s*#.*|\s#(?!\d).*", "", content).rstrip()  # but `OS=Linux … #1 SMP`
        start = start or number
        if part.endswith("\\"):
            begun += part[:-1] + " "
            continue
        if (begun + part).strip():
            yield Line(file, start), begun + part
        begun, start = "", 0
    if begun.strip():
        yield Line(file, start), begun


def _included(
    name: str, line: Line, remarks: Remarks, read: Callable[[str], str] | None, depth: int
) -> Iterator[Record]:
    if read is None or depth >= _DEEPEST:
        what = f"the included file {name} is not read"
        remarks.note(line, what, "import that file as well, or put its lines here")
        return
    yield from logical_lines(name, read(name), remarks, read, depth=depth + 1)
