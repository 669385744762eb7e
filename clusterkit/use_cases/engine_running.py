"""Run the programs of a build on the head, show what they write, and explain how they failed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from clusterkit.command import Put
from clusterkit.engines.engine_build import EngineBuild
from clusterkit.errors import ClusterkitError, Interrupted
from clusterkit.events import Note, Progress, Stream
from clusterkit.model.cluster import Cluster
from clusterkit.use_cases.engine_commands import BuildPaths, build_command
from clusterkit.use_cases.model_placing import Builder, json_event, wait
from clusterkit.use_cases.rank_logs import Explain

_LINES = 12
_KILLED = 137


def run_build(
    cluster: Cluster,
    builder: Builder,
    build: EngineBuild,
    paths: BuildPaths,
    order: bytes,
    explain: Explain,
) -> bool:
    """Build and publish; Ctrl-C, or the end of this process, ends it there and leaves nothing.

    False: another build of the same engine was first.

    Raises:
        ClusterkitError: With the program that failed, its last lines, and the cause where
            ``explain`` knows it.
    """
    head = cluster.head.name
    transport = builder.transport(head)
    transport.put(Put(paths.order, order))
    heard = _Heard(head, build.name, builder)
    builder.sink(Note(f"building {build.name}; the whole log: {paths.log}", head))
    command = build_command(cluster, builder.python, paths.order)
    code = wait(transport.start(command, heard))
    if code == 0:
        return heard.changed
    if heard.stopped:
        raise Interrupted(f"{head}: the build of {build.name} was ended: {heard.stopped}")
    told = heard.error or _unexplained(code)
    why = why_it_failed(told, heard.lines_of_stage, f"{paths.log} on {head}", explain)
    raise ClusterkitError(f"{head}: {build.name} cannot be built: {why}")


def why_it_failed(told: str, lines: Sequence[str], log: str, explain: Explain) -> str:
    """What is told of the end, the last of ``lines``, and the fix behind them.

    How a program ended may be all that is known: one that was killed writes nothing of it.
    """
    what, _, fix = told.partition(". Fix: ")
    shown = [line for line in lines if line.strip()][-_LINES:]
    if fix:
        return "\n".join([what, *shown, f"Fix: {fix}"])
    known = explain("\n".join([*lines, what]))
    otherwise = f"Fix: mend what the lines above name; {log} has all of them"
    return "\n".join([what, *shown, known or otherwise])


class _Heard:
    """Takes what the payload and the programs say; the log that explains is the last stage's."""

    def __init__(self, node: str, name: str, builder: Builder) -> None:
        self._node, self._name, self._sink = node, name, builder.sink
        self.lines: deque[str] = deque(maxlen=2000)
        self.stage = ""
        self.error = ""
        self.stopped = ""
        self.changed = False

    def __call__(self, stream: Stream, line: str) -> None:
        row = json_event(line) if stream == "stdout" else None
        match row:
            case None:
                self.lines.append(line)
            case {"event": "output", "line": text}:
                self.lines.append(text)
                self._show(text.strip())
            case {"event": "stage", "name": name, "number": number, "of": total}:
                self.lines.clear()
                self.stage = f"{name} ({number} of {total})"
                self._show("")
            case {"event": "waiting", "why": why}:
                self._sink(Note(why, self._node))
            case {"event": "checksum", "done": done, "total": total}:
                self._sink(Progress(self._node, f"summing up {self._name}", done, total))
            case {"event": "published", "changed": changed}:
                self.changed = changed
            case {"event": "error", "message": message}:
                self.error = message
            case {"event": "stopped", "why": why}:
                self.stopped = why

    @property
    def lines_of_stage(self) -> tuple[str, ...]:
        """What the failed program wrote."""
        return tuple(self.lines) if self.stage else ()

    def _show(self, line: str) -> None:
        what = f"{self.stage}: {line}" if line else self.stage
        self._sink(Progress(self._node, what, 0))


def _unexplained(code: int) -> str:
    if code == _KILLED:
        return "it was killed. Fix: more memory for the head, most likely, or a smaller model"
    return f"it ended with {code}"
