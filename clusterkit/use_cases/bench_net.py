"""Measure the network between every two nodes, as MPI finds it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from clusterkit.checks.pairs import (
    Link,
    median_bandwidth,
    median_latency,
    schedule,
    slow_links,
    slowest,
)
from clusterkit.command import Step
from clusterkit.errors import JobFailed, UsageError
from clusterkit.events import Event, Progress, RankAnswer, Sink
from clusterkit.jobs import Job
from clusterkit.model.bench_options import BenchOptions
from clusterkit.model.job import RankProgram
from clusterkit.model.node_sets import select
from clusterkit.placement import Placement, Rank
from clusterkit.results.bench import Bandwidth, BenchLink, BenchNetResult
from clusterkit.use_cases.launch import Facts, job_steps, known_facts, make_job, run
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.session import Session, open_world

Answers = Sequence[tuple[int, Mapping[str, Any]]]
"""Ranks, and what they told of a direction from them."""


def bench_net(session: Session, options: BenchOptions, *, sink: Sink) -> BenchNetResult:
    """Start a rank on each node, and let the pairs meet one after the other.

    Raises:
        UsageError: If the cluster is not up, or the nodes are fewer than two.
        JobFailed: If the job did not come to its end.
    """
    began = time.monotonic()
    job = bench_net_job(session, options, known_facts(session))
    count = job.placement.world_size
    links, rounds = count * (count - 1), len(schedule(count))
    answers: list[tuple[int, Mapping[str, Any]]] = []

    def listen(event: Event) -> None:
        if isinstance(event, RankAnswer):
            answers.append((event.rank, event.data))
            done = rounds * len(answers) // links
            sink(Progress(job.head.name, "rounds of pairs", done, rounds))
        sink(event)

    with open_world(session) as world:
        run(job, world, listen)
    if len(answers) != links:
        told = f"{len(answers)} of {links} links were measured"
        raise JobFailed(f"job {job.id}: {told}. Fix: see `clusterkit logs {job.id}`")
    names = job.placement.nodes
    return measured(session.cluster.name, names, answers, took_s=time.monotonic() - began)


def bench_net_steps(session: Session, options: BenchOptions) -> list[Step]:
    """The steps of :func:`bench_net`, not run."""
    return job_steps(bench_net_job(session, options, planned_facts(session.cluster)))


def bench_net_job(session: Session, options: BenchOptions, facts: Facts) -> Job:
    """One rank on each of the nodes, with the rounds in which they meet."""
    names = select(session.cluster, options.nodes or "@all")
    if len(names) == 1:
        raise UsageError(
            f"`bench net` measures between nodes, and {names[0]} is only one. Fix: name two nodes "
            "or more, of a cluster that has them"
        )
    content = {"rounds": schedule(len(names)), "sizes_bytes": list(options.sizes)}
    return make_job(
        session,
        "bench-net",
        placement=Placement(tuple(Rank(rank, name, 0) for rank, name in enumerate(names))),
        program=lambda python, payloads: RankProgram(
            (python, payloads, "bench_net"), files={"input.json": json.dumps(content).encode()}
        ),
        facts=facts,
        timeout_s=options.timeout_s,
    )


def measured(
    cluster: str, names: Sequence[str], answers: Answers, *, took_s: float
) -> BenchNetResult:
    """What the ranks told, by the names of their nodes, and which links are slow."""
    told = {(names[rank], names[row["peer"]]): row for rank, row in answers}
    links = [
        Link(source, target, row["latency_s"], row["bandwidths"][-1][1])
        for (source, target), row in sorted(told.items(), key=lambda item: _order(names, item[0]))
    ]
    slow = slow_links(links)
    least = slowest(links)
    return BenchNetResult(
        cluster=cluster,
        nodes=tuple(names),
        links=tuple(
            BenchLink(
                **link._asdict(),
                bandwidths=tuple(
                    Bandwidth(size_bytes=size, bytes_per_s=value)
                    for size, value in told[link.source, link.target]["bandwidths"]
                ),
                is_slow=link in slow,
            )
            for link in links
        ),
        median_latency_s=median_latency(links),
        median_bandwidth_bytes_per_s=median_bandwidth(links),
        slowest=(least.source, least.target),
        pairs_at_once=max(len(pairs) for pairs in schedule(len(names))),
        took_s=took_s,
    )


def _order(names: Sequence[str], pair: tuple[str, str]) -> tuple[int, int]:
    return names.index(pair[0]), names.index(pair[1])
