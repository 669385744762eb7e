"""Which nodes an error is about, and errors that say why no spare helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


def brief(node: str, error: ClusterkitError) -> str:
    """What is wrong with a node, in one line: without its name, that of a job, and the fix."""
    line = what_and_fix(str(error).partition("\n")[0])[0]
    if isinstance(error, JobFailed) and line.startswith("job "):
        line = line.partition(": ")[2]
    return line.removeprefix(f"{node}:").strip().rstrip(".")


def head_is_lost(error: ClusterkitError, head: str) -> ClusterkitError:
    """The error, with what to do: everything that a job needs lies on the head."""
    why = "the cluster's key, its lock and its jobs are there"
    return _told(
        error,
        what=[f"{head} is the head, and no spare can take its place: {why}"],
        fix="mend it and run `clusterkit up INVENTORY`; or name another node first under "
        "`nodes:`, then `clusterkit down` and `up`",
    )


def could_have(error: ClusterkitError, by: Mapping[str, str], retries: int) -> ClusterkitError:
    """The error, with the spares that one more attempt would use."""
    of = " and ".join(f"{spare} take the place of {node}" for node, spare in by.items())
    return _told(error, fix=f"`--retries {retries + 1}` lets {of}")


def none_is_left(
    error: ClusterkitError, lost: Failures, choice: Choice, *, members: int
) -> ClusterkitError:
    """The error, with every node's reason: those that were lost, and each spare."""
    without = fold(name for name in lost if name not in choice.by)
    fix = "mend one of them, or add `spares:` to the inventory, and run `clusterkit up INVENTORY`"
    if isinstance(error, JobFailed):
        none = "" if choice.refused else ": none is left"
        reasons = (f"{name}: {why}" for name, why in choice.refused.items())
        what = [f"no spare can take the place of {without}{none}", *reasons]
        return _told(error, what=what, fix=fix)
    refused = {
        name: ClusterkitError(f"{name}: no spare for {without}: {why}")
        for name, why in choice.refused.items()
    }
    what = [] if refused else [f"no spare is left for {without}"]
    failed = NodesFailed({**lost, **refused}, succeeded=members - len(lost))
    return _told(failed, what=what, fix=fix)


def _told(error: ClusterkitError, *, fix: str, what: Sequence[str] = ()) -> ClusterkitError:
    """The error with more to say, and one more thing to do; of many nodes, about each."""
    if isinstance(error, NodesFailed):
        for each in error.failures.values():
            _told(each, what=what, fix=fix)
        return NodesFailed(error.failures, succeeded=int(error.exit_code == 3))
    said, known = what_and_fix(str(error))
    fixes = f"{known}; or {fix}" if known else fix
    error.args = ("\n".join([said, *what, f"Fix: {fixes}"]),)
    return error
