"""``infer`` while it runs: tokens to stdout as they come, one prompt after the other."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Self

from clusterkit.engines.answers import Completion, Ready, Token
from clusterkit.events import (
    Event,
    JobRestarted,
    JobStarted,
    NodeLost,
    Note,
    Progress,
    RankAnswer,
    RankStarted,
)
from clusterkit.quantities import counted
from clusterkit.report.board import progress_text
from clusterkit.report.console import is_lively
from clusterkit.report.infer import prompt_header, summary_text
from clusterkit.report.notes import lost_text, note_text, restarted_text

if TYPE_CHECKING:
    from rich.status import Status

    from clusterkit.engines.answers import Parse, Told
    from clusterkit.report.console import Printer
    from clusterkit.results.infer import InferResult


class InferView:
    """Streams the answers, unless the output is JSON; a status on stderr until they begin.

    Tokens of a prompt whose turn has not come are held back, so that answers do not mix.
    """

    def __init__(self, printer: Printer, prompts: Sequence[str], parse: Parse) -> None:
        self._printer = printer
        self._prompts = prompts
        self._parse = parse
        self._streams = printer.output != "json"
        self._lock = Lock()
        self._held: dict[int, list[str]] = {}
        self._ended: set[int] = set()
        self._turn = 0
        self._begun: set[int] = set()
        self._last_text = "\n"
        self._ranks = 0
        self._ready = 0
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if is_lively(self._printer.err):
            from rich.status import Status  # not where nobody watches: it takes 20 ms

            self._status = Status("starting", console=self._printer.err, spinner="line")
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._end_status()
            for prompt in sorted(self._held.keys() | {self._turn}):
                self._write_held(prompt)
            self._end_line()

    def __call__(self, event: Event) -> None:
        """Take one event, from any thread."""
        with self._lock:
            self._take(event)

    def summary(self, result: InferResult) -> None:
        """Write the one-line summary to stderr."""
        self._printer.message(summary_text(result))

    def _take(self, event: Event) -> None:
        match event:
            case RankAnswer(rank, data):
                self._hear(self._parse(rank, data))
            case JobStarted(job):
                self._say(f"job {job}")
            case RankStarted():
                self._ranks += 1
                self._say(f"{counted(self._ranks, 'rank runs', 'ranks run')}, loading")
            case Progress(node):
                self._say(f"{node}: {progress_text(event)}")
            case Note():
                self._printer.message(note_text(event))
            case JobRestarted():
                self._begin_anew()
                self._printer.message(restarted_text(event))
            case NodeLost(node):
                self._printer.message(f"{node}: {lost_text(event)}")
            case _:
                pass

    def _begin_anew(self) -> None:
        """The next attempt answers every prompt again."""
        self._end_line()
        self._held.clear()
        self._ended.clear()
        self._begun.clear()
        self._turn = self._ranks = self._ready = 0

    def _hear(self, told: Told | None) -> None:
        match told:
            case Ready():
                self._ready += 1
                self._say(f"{self._ready} of {counted(self._ranks, 'rank')} ready")
            case Token(prompt, text):
                self._held.setdefault(prompt, []).append(text)
                self._write_held(self._turn)
            case Completion(prompt):
                self._ended.add(prompt)
                self._write_turns()
            case _:
                pass

    def _write_turns(self) -> None:
        """Go on to the next prompt that has not ended."""
        self._write_held(self._turn)
        while self._turn in self._ended:
            self._begin(self._turn)  # also one that has no text
            self._turn += 1
            self._write_held(self._turn)

    def _write_held(self, prompt: int) -> None:
        text = "".join(self._held.pop(prompt, []))
        if not self._streams or not text:
            return
        self._begin(prompt)
        self._printer.out.file.write(text)
        self._printer.out.file.flush()
        self._last_text = text

    def _begin(self, prompt: int) -> None:
        """Write the prompt above its answer, once, where there are several."""
        if not self._streams or prompt in self._begun:
            return
        self._end_status()
        if len(self._prompts) > 1:
            self._end_line()
            lead = "\n" if self._begun else ""
            self._printer.out.file.write(f"{lead}{prompt_header(self._prompts[prompt])}\n")
        self._begun.add(prompt)

    def _end_line(self) -> None:
        if not self._last_text.endswith("\n"):
            self._printer.show("")
            self._printer.out.file.flush()  # before the summary, which goes to stderr
            self._last_text = "\n"

    def _say(self, text: str) -> None:
        if self._status:
            self._status.update(text)

    def _end_status(self) -> None:
        if self._status:
            self._status.stop()
            self._status = None
