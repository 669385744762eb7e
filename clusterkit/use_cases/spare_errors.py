"""Which nodes an error is about, and errors that say why no spare helps."""

from __future__ import annotations

from collections.abc import Mapping

from clusterkit.checks.spares import Choice
from clusterkit.errors import (
    ClusterkitError,
    CommandFailed,
    JobFailed,
    NodesFailed,
    TransportError,
    what_and_fix,
)
from clusterkit.model.cluster import Cluster
from clusterkit.model.node_sets import fold

Failures = Mapping[str, ClusterkitError]


def failures_of(error: ClusterkitError, cluster: Cluster) -> dict[str, ClusterkitError]:
    """The nodes that failed, each with its error; none where the error is about no single node."""
    match error:
        case NodesFailed():
            return dict(error.failures)
        case TransportError():
            return {error.node: error}
        case CommandFailed():
            return {error.result.node: error}
    found = (node.name for node in cluster.nodes if str(error).startswith(f"{node.name}: "))
    return dict.fromkeys(found, error)


def head_is_lost(error: ClusterkitError, head: str) -> ClusterkitError:
    """The error, with what to do: everything that a job needs lies on the head."""
    return also_fix(
        error,
        f"{head} is the head, and no spare can take its place: it has the cluster's key, its lock "
        "and its jobs. Mend it and run `clusterkit up INVENTORY`, or name another node first "
        "under `nodes:`, then `clusterkit down` and `up`",
    )


def could_have(error: ClusterkitError, by: Mapping[str, str], retries: int) -> ClusterkitError:
    """The error, with the spares that one more attempt would use."""
    of = " and ".join(f"{spare} take the place of {node}" for node, spare in by.items())
    return also_fix(error, f"`--retries {retries + 1}` lets {of}")


def none_is_left(
    error: ClusterkitError, lost: Failures, choice: Choice, *, members: int
) -> ClusterkitError:
    """The error, with every node's reason: those that were lost, and each spare."""
    without = [name for name in lost if name not in choice.by]
    fix = "mend one of them, or add `spares:` to the inventory, and run `clusterkit up INVENTORY`"
    if not isinstance(error, JobFailed):
        refused = {
            name: ClusterkitError(f"{name}: no spare for {fold(without)}: {why}")
            for name, why in choice.refused.items()
        }
        return also_fix(NodesFailed({**lost, **refused}, succeeded=members - len(lost)), fix)
    reasons = [f"{name}: {why}" for name, why in choice.refused.items()]
    what = f"no spare can take the place of {fold(without)}"
    lines = [f"{what}: there is none" if not reasons else f"{what}:", *reasons]
    error.args = ("\n".join([what_and_fix(str(error))[0], *lines]),)
    return also_fix(error, fix)


def also_fix(error: ClusterkitError, fix: str) -> ClusterkitError:
    """The error with one more thing to do about it; of many nodes, about the first."""
    if isinstance(error, NodesFailed):
        for each in error.failures.values():
            also_fix(each, fix)
        return NodesFailed(error.failures, succeeded=int(error.exit_code == 3))
    what, known = what_and_fix(str(error))
    both = f"{known}; or {fix}" if known else fix
    error.args = (f"{what}\nFix: {both}",)
    return error
