"""Run a command on nodes, and copy files to and from them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from clusterkit.command import Command, Result, Step
from clusterkit.errors import ClusterkitError, NodesFailed, UsageError
from clusterkit.executor import on_each, raise_failures
from clusterkit.model.node_sets import select
from clusterkit.model.options import CpOptions, ExecOptions
from clusterkit.results import Copy, CpResult, ExecResult, NodeOutput
from clusterkit.use_cases.session import Session, open_world


def execute(session: Session, options: ExecOptions) -> tuple[ExecResult, int]:
    """Run one command on many nodes at once; the second value is the exit code of the verb.

    It is the command's own if it is the same everywhere, else as for any verb (3: some failed).
    """
    began = time.monotonic()
    names = select(session.cluster, options.nodes)
    command = exec_command(options)
    with open_world(session) as world:
        answers = on_each(names, lambda node: world.transport(node).run(command))
    rows = tuple(_row(node, answer) for node, answer in answers.items())
    return ExecResult(nodes=rows, took_s=time.monotonic() - began), _exit_code(answers)


def exec_steps(session: Session, options: ExecOptions) -> list[Step]:
    """The same command for each node, not run."""
    command = exec_command(options)
    return [
        Step(node, f"run {options.argv[0]}", command)
        for node in select(session.cluster, options.nodes)
    ]


def exec_command(options: ExecOptions) -> Command:
    """What every node runs."""
    return Command(options.argv, timeout_s=options.timeout_s)


def copy(session: Session, options: CpOptions) -> CpResult:
    """Copy files from here to nodes, or from nodes to here.

    From several nodes, each file gets the node's name as its suffix: ``log.node2``.

    Raises:
        UsageError: If both sides, or neither, are on nodes, or a file is missing.
        NodesFailed: With every node's error.
    """
    began = time.monotonic()
    with open_world(session) as world:
        jobs = copies(session, options)

        def transfer(name: str) -> list[Copy]:
            done = []
            for node, source, target, upwards in jobs:
                if node != name:
                    continue
                here = Path(source if upwards else target)
                if upwards:
                    mode = here.stat().st_mode & 0o777
                    world.transport(node).upload(here, target, mode=mode)
                else:
                    here.parent.mkdir(parents=True, exist_ok=True)
                    world.transport(node).download(source, here)
                done.append(
                    Copy(node=node, source=source, target=target, size_bytes=here.stat().st_size)
                )
            return done

        answers = on_each(dict.fromkeys(node for node, *_ in jobs), transfer)
    raise_failures(answers)
    rows = [row for answer in answers.values() if isinstance(answer, list) for row in answer]
    return CpResult(copies=tuple(rows), took_s=time.monotonic() - began)


def copy_steps(session: Session, options: CpOptions) -> list[Step]:
    """Each copy as a step, not done; a download is shown as the command that it amounts to."""
    return [
        Step(node, f"copy {source} to {target}", Command(("cp", source, target)), stage="copy")
        for node, source, target, _ in copies(session, options)
    ]


def copies(session: Session, options: CpOptions) -> list[tuple[str, str, str, bool]]:
    """Each single copy: node, source, target, and whether it goes to the node."""
    found = _copies(session, options)
    counts = Counter((node if upwards else "", target) for node, _, target, upwards in found)
    for (_, target), count in counts.items():
        if count > 1:
            raise UsageError(
                f"{count} files would all become {target}. "
                "Fix: copy them one by one, to different places"
            )
    return found


def _copies(session: Session, options: CpOptions) -> list[tuple[str, str, str, bool]]:
    to_nodes, there = _split(options.target)
    from_nodes = [_split(source) for source in options.sources]
    for nodes, path in ((to_nodes, there), *from_nodes):
        if nodes and not path:
            raise UsageError(f"`{nodes}:` has no path. Fix: write one after the colon")
    if to_nodes and any(nodes for nodes, _ in from_nodes):
        raise UsageError("cp from nodes to nodes is not possible. Fix: copy here first")
    if to_nodes:
        return [
            (node, str(file), f"{there}{name}" if there.endswith("/") else there, True)
            for node in select(session.cluster, to_nodes)
            for file, name in _files(options.sources, into_folder=there.endswith("/"))
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
            found.append((node, path, str(into / name if folder else into), False))
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


def _row(node: str, answer: Result | ClusterkitError) -> NodeOutput:
    if isinstance(answer, ClusterkitError):
        return NodeOutput(node=node, exit_code=None, error=str(answer).removeprefix(f"{node}: "))
    return NodeOutput(
        node=node, exit_code=answer.exit_code, stdout=answer.stdout, stderr=answer.stderr
    )


def _exit_code(answers: Mapping[str, Result | ClusterkitError]) -> int:
    codes = {answer.exit_code for answer in answers.values()}
    if len(codes) == 1:
        return codes.pop()
    errors = {n: a for n, a in answers.items() if isinstance(a, ClusterkitError)}
    if 0 not in codes and errors.keys() == answers.keys():
        return NodesFailed(errors, succeeded=0).exit_code
    return 3 if 0 in codes else 1
