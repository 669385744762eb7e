"""Look on every node, after a job's end, whether anything of it is left."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from clusterkit.command import Command
from clusterkit.errors import ClusterkitError
from clusterkit.jobs.job import JobNode
from clusterkit.payloads.job_protocol import JOB_VARIABLE
from clusterkit.transports.base import Transport

# $1 is the variable that a job's processes have, $2 its folder, the rest is the sweep. grep says 1
# when it has read every environment and found none; whatever else it says, the sweep sees to it.
_QUICK_LOOK = """
mark=$1 folder=$2; shift 2
for left in "/dev/shm/clusterkit-${mark#*=}"-* "$folder/run" "$folder/tmp"; do
    test ! -e "$left" || exec "$@"
done
grep -qszxF -e "$mark" /proc/[0-9]*/environ 2>/dev/null
if test $? = 1; then echo '{"found": [], "left": []}'; else exec "$@"; fi
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one node looked like.

    ``found`` had been left behind by ranks and was ended; ``left`` could not be ended or removed,
    each with what would; ``error`` says why nobody could look.
    """

    node: str
    found: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    error: str | None = None


def look_everywhere(
    job: str,
    nodes: Iterable[JobNode],
    transports: Callable[[str], Transport],
    *,
    patience_s: float = 8.0,
    in_order: bool = False,
) -> tuple[Seen, ...]:
    """Sweep every node at the same time; the first node is the head, which keeps the record.

    After a job that ended ``in_order`` its folders are clean, and there is nothing to write down:
    then a node is swept only where a quick look finds a process of the job.
    """
    everywhere = tuple(nodes)
    seen: dict[str, Seen] = {}

    def look(node: JobNode) -> None:
        argv = sweep_argv(node, job, is_head=node is everywhere[0])
        if in_order:
            mark, folder = f"{JOB_VARIABLE}={job}", node.folder(job)
            argv = ("sh", "-c", _QUICK_LOOK, "sh", mark, folder, *argv)
        try:
            result = transports(node.name).run(Command(argv, timeout_s=patience_s))
            found = json.loads(result.check().stdout)
        except (ClusterkitError, OSError) as error:
            seen[node.name] = Seen(node.name, error=str(error))
        else:
            seen[node.name] = Seen(node.name, tuple(found["found"]), tuple(found["left"]))

    threads = [threading.Thread(target=look, args=(node,), daemon=True) for node in everywhere]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + patience_s
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = f"did not answer within {patience_s:g} s"
    return tuple(seen.get(node.name, Seen(node.name, error=late)) for node in everywhere)


def sweep_argv(node: JobNode, job: str, *, is_head: bool) -> tuple[str, ...]:
    """The words that end what is left of a job on one node, and tell what that was."""
    return node.payload("sweep", job, node.folder(job), "head" if is_head else "node")


def leftovers(seen: Iterable[Seen]) -> tuple[str, ...]:
    """What may still be there, one line each."""
    lines: list[str] = []
    for node in seen:
        lines += [f"{node.node}: still there: {process}" for process in node.left]
        if node.error is not None:
            lines.append(f"{node.node}: could not look for leftovers: {node.error}")
    return tuple(lines)
