"""After ``down``: look on every node, and at Docker, whether anything of the cluster is left."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from clusterkit.command import HOST, DockerLook
from clusterkit.errors import ClusterkitError
from clusterkit.events import Note, Sink
from clusterkit.executor import on_each
from clusterkit.jobs import list_jobs
from clusterkit.model.cluster import Cluster
from clusterkit.providers.docker.abandoned import by_hand, clusters_on
from clusterkit.state.facts import load_facts
from clusterkit.transports.world import World
from clusterkit.use_cases.brought import brought
from clusterkit.use_cases.jobs import job_nodes
from clusterkit.use_cases.session import Session


def jobs_on_file(session: Session, world: World) -> tuple[str, ...]:
    """The ids of all jobs that the head knows; none where it cannot say."""
    if session.cluster.provider == "docker":  # a container's end is the end of all that it runs
        return ()
    try:
        return tuple(row.id for row in list_jobs(job_nodes(session), world.transport))
    except (ClusterkitError, ValueError):
        return ()


def look_after(
    session: Session, world: World, jobs: Sequence[str], *, sink: Sink
) -> tuple[str, ...]:
    """What is left, one line each: where, what, and what would remove it there.

    On machines: processes of ``jobs``, or run from the cluster's folder, with their ports and GPU
    memory; shared memory; mounts; the folder. A node that cannot look is told of in a note.
    """
    cluster = session.cluster
    answers: dict[str, Any] = {}
    bare = {node.name for node in cluster.nodes if not node.container}
    if cluster.provider == "docker":
        answers[HOST] = _on_engine(cluster, world, HOST)
    else:
        machines = [node.name for node in cluster.nodes]
        pythons = _pythons(session)

        def look(node: str) -> list[Mapping[str, str]]:
            if node not in bare:
                return _on_engine(cluster, world, node)
            asked = {"jobs": jobs, "folders": [cluster.home_of(node)]}
            seen = world.transport(node).run(brought(pythons[node], "gone", json.dumps(asked)))
            rows: list[Mapping[str, str]] = json.loads(seen.check().stdout)
            return rows

        answers |= on_each(machines, look)
    for node, answer in answers.items():
        if isinstance(answer, ClusterkitError):
            sink(Note(f"could not look for leftovers: {answer}", node))
    return tuple(
        f"{node}: {row['what']}. To remove it there: {row['remove_with']}"
        for node, rows in answers.items()
        if not isinstance(rows, ClusterkitError)
        for row in rows
    )


def _on_engine(cluster: Cluster, world: World, node: str) -> list[Mapping[str, str]]:
    """Containers, networks and volumes with the cluster's label; the lock is not the cluster's."""
    answer = json.loads(world.engine(node).look(DockerLook(None)).stdout)
    return [
        {"what": f"{thing.kind} {thing.name}", "remove_with": by_hand(thing.kind, thing.name)}
        for row in clusters_on(answer)
        if row.cluster == cluster.name
        for thing in row.things
    ]


def _pythons(session: Session) -> dict[str, str]:
    """The Python of each node; where none was found, the one that PATH has there."""
    seen = load_facts(session.folder)
    facts = seen.nodes if seen else {}
    return {
        node.name: facts[node.name].python if node.name in facts else node.python or "python3"
        for node in session.cluster.nodes
    }
