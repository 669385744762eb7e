"""Hold a job back that could only fail: by the doctor's last verdict, and by what is seen now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clusterkit.errors import ClusterkitError, NotFit
from clusterkit.model.cluster import Cluster
from clusterkit.state.doctor import load_verdict
from clusterkit.tasks.base import Facts
from clusterkit.use_cases.session import Session

_SHOWN = 5


def check_verdict(session: Session, *, force: bool) -> None:
    """Refuse where the last `doctor --gate` failed, unless forced. Looks at nothing.

    Raises:
        ClusterkitError: With the lines that failed.
    """
    verdict = load_verdict(session.folder)
    if force or verdict is None or verdict.ok or not verdict.gated:
        return
    failed = [line for line in verdict.lines if line.state == "fail"]
    lines = [f"{_at(line.nodes)}{line.looks_at}: {line.seen}" for line in failed]
    name = session.cluster.name
    raise ClusterkitError(
        f"cluster {name} failed its last gate, at {verdict.at}:\n{_shown(lines)}\n"
        f"Fix: mend that and run `clusterkit doctor --gate -c {name}` again, or add `--force` "
        "to go on all the same"
    )


def check_now(cluster: Cluster, facts: Facts, *, force: bool) -> None:
    """Refuse where the nodes' facts, which are here anyway, show what cannot work.

    Raises:
        NotFit: With the lines that fail.
    """
    if force or _is_all_alike(cluster, facts):
        return
    from clusterkit.checks.doctor import OF_FACTS, examine, failures
    from clusterkit.checks.doctor.seen import Seen

    nodes = tuple(node for node in cluster.nodes if node.name in facts)
    seen = Seen(cluster, nodes, facts=facts)
    failed = [line.finding for line in failures(examine(seen, OF_FACTS))]
    if failed:
        lines = [f"{_at(each.nodes)}{each.seen}" for each in failed]
        raise NotFit(
            f"cluster {cluster.name} is not fit for a job:\n{_shown(lines)}\n"
            f"Fix: {failed[0].fix}; or add `--force` to go on all the same",
            {name: each.seen for each in failed for name in each.nodes},
        )


def _is_all_alike(cluster: Cluster, facts: Facts) -> bool:
    """Whether nothing differs and nothing is missing: the usual case needs no examination."""
    versions = {
        (its.mpi_version, its.packages.get("torch"), its.packages.get("transformers"))
        for its in facts.values()
    }
    gpus = all(
        {*node.devices} <= {gpu.index for gpu in facts[node.name].gpus}
        for node in cluster.nodes
        if node.name in facts
    )
    return len(versions) == 1 and None not in {its.mpi_version for its in facts.values()} and gpus


def _at(nodes: Iterable[str]) -> str:
    from clusterkit.model.node_sets import fold  # takes a while, and most jobs fail nothing

    names = list(nodes)
    return f"{fold(names)}: " if names else ""


def _shown(lines: Sequence[str]) -> str:
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join([*lines[:_SHOWN], *more])
