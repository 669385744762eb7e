"""Run a Python script of the user's as the ranks of one job."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from clusterkit.command import Command, Step
from clusterkit.errors import (
    ClusterkitError,
    CommandFailed,
    DoesNotFit,
    JobFailed,
    UsageError,
)
from clusterkit.events import Sink
from clusterkit.executor import on_each, raise_failures
from clusterkit.jobs import Job
from clusterkit.model.cluster import Cluster
from clusterkit.model.job import RankProgram
from clusterkit.model.node_sets import fold, select
from clusterkit.model.run_options import RunOptions
from clusterkit.placement import Placement, place, place_evenly
from clusterkit.results.jobs import DetachedResult
from clusterkit.results.run import RunResult
from clusterkit.state.facts import load_facts
from clusterkit.transports.world import World
from clusterkit.use_cases.asked import RunAsked
from clusterkit.use_cases.audit import audited
from clusterkit.use_cases.launch import (
    Facts,
    detached,
    facts_now,
    is_running,
    job_steps,
    known_facts,
    make_job,
    run,
    unless_detached,
)
from clusterkit.use_cases.official_example import check_example, check_example_unseen
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.run_heard import RunHeard
from clusterkit.use_cases.script import Script, check_syntax, check_there, find_script
from clusterkit.use_cases.session import Session, open_world
from clusterkit.use_cases.spares import with_spares


def run_script(session: Session, options: RunOptions, *, sink: Sink) -> RunResult | DetachedResult:
    """Start the script in every place, and hand over what each rank writes, to its end.

    Of a job that is to be detached only until every rank runs.

    Raises:
        UsageError: If the cluster is not up, the ranks do not fit, or there is no such script.
        JobFailed: If a rank failed, with the first that did; or the time was over.
    """

    def attempt(session: Session, sink: Sink) -> RunResult | DetachedResult:
        return _attempt(session, options, sink=sink)

    return with_spares(session, options.retries, attempt, sink=sink)


def _attempt(session: Session, options: RunOptions, *, sink: Sink) -> RunResult | DetachedResult:
    """One run on the members."""
    began = time.monotonic()
    facts = known_facts(session)
    placement, script = asked_for(session.cluster, options)
    heard = RunHeard(placement, unless_detached(sink, is_detached=options.detach))
    with open_world(session) as world, audited(session, world, "run", options):
        facts = _check(session, options, world, placement=placement, facts=facts)
        if script.is_there:
            check_there(script, placement.nodes, world)
        check_syntax(script, (facts[node] for node in placement.nodes))
        check_example(script, options, world, placement=placement, facts=facts, sink=sink)
        if options.chdir is not None:
            _make_folder(options.chdir, placement.nodes, world)
        job = script_job(session, options, script, placement=placement, facts=facts)
        asked = RunAsked.of(job, options, before_s=time.monotonic() - began)
        job = replace(job, restarts=options.restart, asked=asked.as_json())
        try:
            end = run(job, world, heard, detach_when=is_running if options.detach else None)
        except JobFailed as error:
            raise heard.explained(error, options.script) from None
    if end.outcome == "detached":
        return detached(job)
    return RunResult(
        cluster=session.cluster.name,
        job=job.id,
        script=str(options.script),
        launcher=options.launcher,
        ranks=heard.ranks(),
        took_s=time.monotonic() - began,
    )


def run_script_steps(session: Session, options: RunOptions) -> list[Step]:
    """The steps of :func:`run_script`, not run."""
    session = session.crew
    cluster = session.cluster
    placement, script = asked_for(cluster, options)
    facts = planned_facts(cluster)
    seen = load_facts(session.folder)
    check_syntax(script, seen.nodes.values() if seen else ())
    check_example_unseen(script, options, placement)
    job = script_job(session, options, script, placement=placement, facts=facts)
    made = [
        Step(node, f"make {options.chdir}", _making(options.chdir), "+", "job")
        for node in placement.nodes
        if options.chdir
    ]
    return [*made, *job_steps(job)]


def asked_for(cluster: Cluster, options: RunOptions) -> tuple[Placement, Script]:
    """The places and the script that are meant.

    Raises:
        UsageError: With all that is wrong with both.
    """
    mistakes = []
    try:
        placement = _placement(cluster, options)
    except UsageError as error:
        mistakes.append(str(error))
    try:
        script = find_script(options, cluster)
    except UsageError as error:
        mistakes.append(str(error))
    if mistakes:
        raise UsageError("\n".join(mistakes))
    return placement, script


def _placement(cluster: Cluster, options: RunOptions) -> Placement:
    """The ranks on the members that were chosen."""
    cluster = cluster.crew
    chosen = select(cluster, options.nodes)
    part = replace(cluster, nodes=tuple(map(cluster.node, chosen)))
    if options.per_node is not None:
        return place_evenly(part, options.per_node)
    if options.ranks is not None and part.slots < options.ranks <= cluster.slots:
        raise DoesNotFit(
            f"{options.ranks} ranks do not fit on {fold(chosen)}: there are slots for "
            f"{part.slots}. Fix: ask for fewer, choose more nodes with `--nodes`, or raise `slots`"
        )
    return place(part, options.ranks)


def script_job(
    session: Session, options: RunOptions, script: Script, *, placement: Placement, facts: Facts
) -> Job:
    """The script in every place, with its words as they were given."""
    job = make_job(
        session,
        "run",
        placement=placement,
        program=lambda python, _: RankProgram(
            (python, script.path, *options.args), files=script.files, chdir=options.chdir
        ),
        facts=facts,
        timeout_s=options.timeout_s,
        launched_by=options.launcher,
    )
    return replace(job, stall_timeout_s=options.stall_timeout_s)


def _check(
    session: Session, options: RunOptions, world: World, *, placement: Placement, facts: Facts
) -> Facts:
    """What the nodes are; looked at again where PyTorch, which torchrun needs, was missing."""

    def lacking(facts: Facts) -> list[str]:
        return [node for node in placement.nodes if "torch" not in facts[node].packages]

    if options.launcher != "torchrun" or not lacking(facts):
        return facts
    facts = facts_now(session, world, facts)
    if without := lacking(facts):
        raise UsageError(
            f"{fold(without)}: torchrun is a part of PyTorch, which {facts[without[0]].python} "
            "does not have there. Fix: install it there, or use `--launcher mpirun`"
        )
    return facts


def _make_folder(folder: str, nodes: Iterable[str], world: World) -> None:
    """Make the folder in which ranks run, on every node of the job."""
    make = _making(folder)
    answers = on_each(list(nodes), lambda node: world.transport(node).run(make).check())
    refused = [each for each in answers.values() if isinstance(each, CommandFailed)]
    if refused:
        why = "\n".join(f"{each.result.node}: {each.result.stderr.strip()}" for each in refused)
        raise ClusterkitError(
            f"`--chdir {folder}` is no folder that can be made there:\n{why}\n"
            "Fix: a folder where this user may write, such as one on the storage"
        )
    raise_failures(answers)


def _making(folder: str) -> Command:
    return Command(("mkdir", "-p", "--", folder), timeout_s=20.0)
