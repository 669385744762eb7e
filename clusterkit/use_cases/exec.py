"""Run one command on nodes."""

from __future__ import annotations

import time
from collections.abc import Mapping

from clusterkit.command import Command, Step
from clusterkit.errors import ClusterkitError, NodesFailed, reason
from clusterkit.executor import on_each
from clusterkit.executor.kept import Kept, Spool
from clusterkit.model.node_sets import select
from clusterkit.model.options import ExecOptions
from clusterkit.results.nodes import ExecResult, NodeOutput
from clusterkit.use_cases.session import Session, open_world


def execute(session: Session, options: ExecOptions) -> tuple[ExecResult, int]:
    """Run one command on many nodes at once; the second value is the exit code of the verb.

    It is the command's own if it is the same everywhere, else as for any verb (3: some failed).
    Ctrl-C ends the command on all nodes.
    """
    began = time.monotonic()
    names = select(session.cluster, options.nodes)
    command = exec_command(options)
    spool = Spool()

    def ask(node: str) -> NodeOutput:
        kept = Kept(spool)
        code = world.transport(node).follow(command, kept.take)
        return NodeOutput(
            node=node,
            exit_code=code,
            stdout=kept.output("stdout"),
            stderr=kept.output("stderr"),
        )

    with open_world(session) as world:
        answers = on_each(names, ask, world.end_running)
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


def _row(node: str, answer: NodeOutput | ClusterkitError) -> NodeOutput:
    if isinstance(answer, ClusterkitError):
        return NodeOutput(node=node, exit_code=None, error=reason(node, answer))
    return answer


def _exit_code(answers: Mapping[str, NodeOutput | ClusterkitError]) -> int:
    codes = {answer.exit_code for answer in answers.values()}
    if len(codes) == 1:
        return codes.pop() or 0
    errors = {n: a for n, a in answers.items() if isinstance(a, ClusterkitError)}
    if 0 not in codes and errors.keys() == answers.keys():
        return NodesFailed(errors, succeeded=0).exit_code
    return 3 if 0 in codes else 1
