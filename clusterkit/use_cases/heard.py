"""What the ranks of a generating job say, gathered into one answer."""

from __future__ import annotations

import time

from clusterkit.engines.answers import Completion, Done, Parse, Peak, RankError, Ready
from clusterkit.engines.request import GenerateRequest
from clusterkit.errors import JobFailed, UsageError
from clusterkit.events import Event, RankAnswer, RankEnded, Sink
from clusterkit.jobs import Job
from clusterkit.model.cluster import Cluster
from clusterkit.payloads.model_protocol import REFUSED
from clusterkit.results.infer import Answer, InferRank, InferResult


class Heard:
    """Listens to a job, passes every event on, and keeps what belongs into the result."""

    def __init__(self, parse: Parse, sink: Sink) -> None:
        self._parse = parse
        self._sink = sink
        self._began = time.monotonic()
        self._started = self._began
        self._loaded = self._began
        self._ready: dict[int, Ready] = {}
        self._peaks: dict[int, int] = {}
        self._completions: dict[int, Completion] = {}
        self._errors: dict[int, str] = {}
        self._versions: dict[str, str] = {}
        self._is_refused = False

    def start(self) -> None:
        """The job begins now."""
        self._started = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Take one event of the job."""
        if isinstance(event, RankEnded) and event.exit_code == REFUSED:
            self._is_refused = True
        if isinstance(event, RankAnswer):
            match self._parse(event.rank, event.data):
                case Ready() as ready:
                    self._ready[ready.rank] = ready
                    self._loaded = time.monotonic()
                case Peak(rank, memory_bytes):
                    self._peaks[rank] = memory_bytes
                case Completion() as completion:
                    self._completions[completion.prompt] = completion
                case RankError(rank, message):
                    self._errors[rank] = message
                case Done(versions):
                    self._versions = dict(versions)
        self._sink(event)

    def explained(self, error: JobFailed) -> JobFailed | UsageError:
        """The error in the words of the ranks, where they said why; the same words once."""
        said = list(dict.fromkeys(self._errors[rank] for rank in sorted(self._errors)))
        if not said:
            return error
        if self._is_refused:
            return UsageError(said[0])
        lines = [*said, str(error)]
        if any("Fix: " in words for words in said):  # which says more than where the logs are
            lines = [str(error).partition("\nFix: ")[0], *said]
        return JobFailed("\n".join(lines), exit_code=error.exit_code)

    def result(
        self, cluster: Cluster, job: Job, *, request: GenerateRequest, model: str
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
            dtype=next(iter(self._ready.values())).dtype if self._ready else engine.dtype,
            seed=first.seed,
            answers=tuple(
                _answer(prompt, self._completions[number])
                for number, prompt in enumerate(request.prompts)
            ),
            load_s=self._loaded - self._started,
            took_s=time.monotonic() - self._began,
            ranks=tuple(
                InferRank(
                    rank=place.rank,
                    node=place.node,
                    device=self._device(place.rank),
                    memory_bytes=self._peaks.get(place.rank),
                    load_s=self._ready[place.rank].load_s if place.rank in self._ready else None,
                )
                for place in job.placement.ranks
            ),
            versions=self._versions,
        )

    def _device(self, rank: int) -> str:
        ready = self._ready.get(rank)
        if ready is None:
            return "unknown"
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
