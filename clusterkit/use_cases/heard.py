"""What the ranks of a generating job say, gathered into one answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from clusterkit.engines.answers import Completion, Done, Parse, Peak, RankError, Ready
from clusterkit.engines.request import GenerateRequest
from clusterkit.errors import JobFailed, UsageError
from clusterkit.events import Event, JobRestarted, RankAnswer, RankEnded, Sink
from clusterkit.model.cluster import Cluster
from clusterkit.model.engine import EngineSettings
from clusterkit.payloads.model_protocol import REFUSED
from clusterkit.placement import Placement
from clusterkit.results.infer import UNKNOWN_DEVICE, Answer, InferRank, InferResult
from clusterkit.use_cases.rank_logs import Explain, RankLogs


class Ran(Protocol):
    """A job that ran: its name, and where its ranks were."""

    @property
    def id(self) -> str:
        """The job."""
        ...

    @property
    def placement(self) -> Placement:
        """Where every rank ran."""
        ...


class Heard:
    """Listens to a job, passes every event on, and keeps what belongs into the result."""

    def __init__(
        self, parse: Parse, sink: Sink, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._parse = parse
        self._sink = sink
        self._now = now
        self._began = now()
        self._started = self._began
        self._forget()

    def _forget(self) -> None:
        """Begin with nothing heard."""
        self._loaded: float | None = None
        self._ready: dict[int, Ready] = {}
        self._peaks: dict[int, int] = {}
        self._completions: dict[int, Completion] = {}
        self._errors: dict[int, str] = {}
        self._versions: dict[str, str] = {}
        self._dtype: str | None = None
        self._is_refused = False
        self._logs = RankLogs()

    def start(self, *, before_s: float | None = None) -> None:
        """The job begins now, so long after the verb; None: since this listens."""
        self._started = self._now()
        if before_s is not None:
            self._began = self._started - before_s

    @property
    def before_s(self) -> float:
        """How long the verb took until its job began."""
        return self._started - self._began

    def __call__(self, event: Event) -> None:
        """Take one event of the job."""
        if isinstance(event, JobRestarted):
            self._forget()
        self._logs(event)
        if isinstance(event, RankEnded) and event.exit_code == REFUSED:
            self._is_refused = True
        if isinstance(event, RankAnswer):
            match self._parse(event.rank, event.data):
                case Ready() as ready:
                    self._ready[ready.rank] = ready
                    self._loaded = self._now()
                case Peak(rank, memory_bytes):
                    self._peaks[rank] = memory_bytes
                case Completion() as completion:
                    self._completions[completion.prompt] = completion
                case RankError(rank, message):
                    self._errors[rank] = message
                case Done(versions, dtype):
                    self._versions, self._dtype = dict(versions), dtype
        self._sink(event)

    def explained(self, error: JobFailed, explain: Explain) -> JobFailed | UsageError:
        """The error in the words of the ranks, where they said why; the same words once.

        Where they did not, but ``explain`` knows what their logs tell, with cause and fix.
        """
        said = list(dict.fromkeys(self._errors[rank] for rank in sorted(self._errors)))
        if not said:
            return self._by_log(error, explain)
        if self._is_refused:
            return UsageError(said[0])
        lines = [*said, str(error)]
        if any("Fix: " in words for words in said):  # which says more than the log's last lines
            lines = [str(error).partition("\n")[0], *said]
        return JobFailed("\n".join(lines), exit_code=error.exit_code, cause=error.cause)

    def _by_log(self, error: JobFailed, explain: Explain) -> JobFailed:
        what, found, see = str(error).rpartition("\nFix: ")
        known = self._logs.explained(explain) if found else None  # else the user asked for it
        if known is None:
            return error
        return JobFailed(f"{what}\n{known}; {see}", exit_code=error.exit_code, cause=error.cause)

    def result(
        self, cluster: Cluster, job: Ran, *, request: GenerateRequest, model: str
    ) -> InferResult:
        """Everything that was heard.

        Raises:
            JobFailed: If an answer is missing although the job ended well.
        """
        missing = [
            str(number)
            for number, _ in enumerate(request.prompts, 1)
            if number - 1 not in self._completions
        ]
        if missing:
            raise JobFailed(
                f"job {job.id} ended without an answer to prompt {', '.join(missing)}. "
                f"Fix: see `clusterkit logs {job.id}`"
            )
        engine = cluster.engine
        first = self._completions[0]
        return InferResult(
            cluster=cluster.name,
            job=job.id,
            model=model,
            tp=engine.tp,
            pp=engine.pp,
            dp=engine.split.get("dp", 1),
            batch=getattr(engine, "batch", 1),
            dtype=self._dtype_of(engine),
            seed=first.seed,
            answers=tuple(
                _answer(prompt, self._completions[number])
                for number, prompt in enumerate(request.prompts)
            ),
            load_s=None if self._loaded is None else self._loaded - self._started,
            took_s=self._now() - self._began,
            ranks=tuple(
                InferRank(
                    rank=place.rank,
                    node=place.node,
                    device=self._device(place.rank),
                    memory_bytes=self._peaks.get(place.rank),
                    load_s=ready.load_s if (ready := self._ready.get(place.rank)) else None,
                    compile_s=ready.compile_s if ready else None,
                )
                for place in job.placement.ranks
            ),
            collectives=next((each.collectives for each in self._ready.values()), None),
            versions=self._versions,
        )

    def _dtype_of(self, engine: EngineSettings) -> str:
        ready = next(iter(self._ready.values()), None)
        return (ready.dtype if ready else self._dtype) or engine.dtype

    def _device(self, rank: int) -> str:
        ready = self._ready.get(rank)
        if ready is None:
            return UNKNOWN_DEVICE
        return f"{ready.device} {ready.gpu_uuid}" if ready.gpu_uuid else ready.device


def _answer(prompt: str, completion: Completion) -> Answer:
    return Answer(
        prompt=prompt,
        prompt_text=completion.prompt_text,
        text=completion.text,
        token_ids=completion.token_ids,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        finish_reason=completion.finish_reason,
        first_token_s=completion.first_token_s,
        prompt_logits=completion.prompt_logits,
        token_s=completion.token_s,
    )
