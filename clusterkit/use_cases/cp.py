"""Copy files to nodes and from nodes."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from clusterkit.command import Command, Step
from clusterkit.errors import UsageError
from clusterkit.executor import on_each, raise_failures
from clusterkit.model.node_sets import select
from clusterkit.model.options import CpOptions
from clusterkit.results.nodes import Copy, CpResult
from clusterkit.use_cases.session import Session, open_world


class Transfer(NamedTuple):
    """One file to copy; ``upwards``: from here to the node."""

    node: str
    source: str
    target: str
    upwards: bool


def copy(session: Session, options: CpOptions) -> CpResult:
    """Copy files from here to nodes, or from nodes to here.

    From several nodes, each file gets the node's name as its suffix: ``log.node2``.

    Raises:
        UsageError: If both sides, or neither, are on nodes, or a file is missing.
        NodesFailed: With every node's error.
    """
    began = time.monotonic()
    with open_world(session) as world:
        wanted = copies(session, options)

        def copy_all_of(name: str) -> list[Copy]:
            done = []
            for node, source, target, upwards in wanted:
                if node != name:
                    continue
                here = Path(source if upwards else target)
                if upwards:
                    mode = here.stat().st_mode & 0o777
                    world.transport(node).upload(here, target, mode=mode)
                else:
                    world.transport(node).download(source, here)
                size_bytes = here.stat().st_size
                done.append(Copy(node=node, source=source, target=target, size_bytes=size_bytes))
            return done

        names = dict.fromkeys(transfer.node for transfer in wanted)
        answers = on_each(names, copy_all_of, world.end_running)
    raise_failures(answers)
    rows = [row for answer in answers.values() if isinstance(answer, list) for row in answer]
    return CpResult(copies=tuple(rows), took_s=time.monotonic() - began)


def copy_steps(session: Session, options: CpOptions) -> list[Step]:
    """Each copy as a step, not done; a download is shown as the command that it amounts to."""
    return [
        Step(node, f"copy {source} to {target}", Command(("cp", source, target)), stage="copy")
        for node, source, target, _ in copies(session, options)
    ]


def copies(session: Session, options: CpOptions) -> list[Transfer]:
    """Every single copy; UsageError where two would become one file."""
    found = _copies(session, options)
    counts = Counter((node if upwards else "", target) for node, _, target, upwards in found)
    for (_, target), count in counts.items():
        if count > 1:
            raise UsageError(
                f"{count} files would all become {target}. "
                "Fix: copy them one by one, to different places"
            )
    return found


def _copies(session: Session, options: CpOptions) -> list[Transfer]:
    to_nodes, there = _split(options.target)
    from_nodes = [_split(source) for source in options.sources]
    for nodes, path in ((to_nodes, there), *from_nodes):
        if nodes and not path:
            raise UsageError(f"`{nodes}:` has no path. Fix: write one after the colon")
    if to_nodes and any(nodes for nodes, _ in from_nodes):
        raise UsageError("cp from nodes to nodes is not possible. Fix: copy here first")
    if to_nodes:
        into_folder = there.endswith("/")
        return [
            Transfer(node, str(file), f"{there}{name}" if into_folder else there, upwards=True)
            for node in select(session.cluster, to_nodes)
            for file, name in _files(options.sources, into_folder=into_folder)
        ]
    if not all(nodes for nodes, _ in from_nodes):
        raise UsageError(
            "neither side of cp is on a node. Fix: write NODES:PATH on one side, "
            "for example `clusterkit cp data.json node[1-2]:/data/`"
        )
    into = Path(there)
    found = []
    for nodes, path in from_nodes:
        names = select(session.cluster, str(nodes))
        for node in names:
            name = Path(path).name + (f".{node}" if len(names) > 1 else "")
            many = len(names) > 1 or len(from_nodes) > 1
            folder = many or there.endswith("/") or into.is_dir()
            here = str(into / name if folder else into)
            found.append(Transfer(node, path, here, upwards=False))
    return found


def _split(word: str) -> tuple[str | None, str]:
    """``NODES:PATH``; a word with a slash before its colon, or none, is a path of this machine."""
    nodes, colon, path = word.partition(":")
    return (nodes, path) if colon and "/" not in nodes else (None, word)


def _files(sources: tuple[str, ...], *, into_folder: bool) -> list[tuple[Path, str]]:
    """Every file to send with its name below the target; folders are walked."""
    found: list[tuple[Path, str]] = []
    for source in map(Path, sources):
        if source.is_dir() and into_folder:
            found += [
                (file, str(Path(source.name) / file.relative_to(source)))
                for file in sorted(source.rglob("*"))
                if file.is_file()
            ]
        elif source.is_file():
            found.append((source, source.name))
        else:
            what = "is a folder" if source.is_dir() else "no such file"
            fix = "end the target with `/`" if source.is_dir() else "correct the path"
            raise UsageError(f"{source}: {what}. Fix: {fix}")
    if len(found) > 1 and not into_folder:
        raise UsageError("several files need a folder. Fix: end the target with `/`")
    return found
