"""Have a server that runs answer, where it has the model of an `infer` loaded already."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from clusterkit.engines.request import GenerateRequest
from clusterkit.errors import ServerFailed, UsageError, what_and_fix
from clusterkit.events import Note, Sink
from clusterkit.model.engine import EngineSettings
from clusterkit.model.infer_options import InferOptions
from clusterkit.results.infer import Answer, InferRank, InferResult
from clusterkit.state.key_file import first_key
from clusterkit.transports.openai_server import OpenAiServer
from clusterkit.transports.world import World
from clusterkit.use_cases.asked import ServeAsked
from clusterkit.use_cases.infer_asking import ask_all
from clusterkit.use_cases.running_server import may_serve, reached, running_server
from clusterkit.use_cases.session import Session
from clusterkit.use_cases.streamed import Streamed

_ENGINE = "transformers"


@dataclass(frozen=True, slots=True)
class Warm:
    """A server that will answer: its job, and what it told of itself."""

    asked: ServeAsked
    server: OpenAiServer
    about: dict[str, Any]


@contextmanager
def warm_server(
    session: Session, options: InferOptions, world: World, *, sink: Sink
) -> Iterator[Warm | None]:
    """The server that answers this `infer`; None: none runs, or none that can, of which a note.

    It must have the same model, in the same numbers; how it is split matters only to who asks for
    a split. Options of a job of one's own are not for it.
    """
    if options.cold or session.cluster.engine.name != _ENGINE or not may_serve(session, world):
        yield None
        return
    try:
        asked = running_server(session, world)
    except UsageError:
        yield None  # it has ended in this moment, or is of another kind
        return
    if why := _why_cold(session.cluster.engine, options, asked.engine):
        sink(Note(f"server {asked.id} is not asked: {why}. The model is loaded for this run"))
        yield None
        return
    key = first_key(options.api_key_file)
    with reached(session, asked) as url, OpenAiServer(url, key, is_direct=True) as server:
        try:
            about = server.cluster()
            if why := server.why_not_ready():
                raise ServerFailed(why)
        except ServerFailed as error:
            what, fix = what_and_fix(str(error))
            words = f"server {asked.id} is not asked: {what.rstrip('.')} ({fix})"
            sink(Note(f"{words}. The model is loaded for this run"))
            yield None
            return
        has = f"server {asked.id} has {about['model']} loaded, and answers"
        sink(Note(f"{has}; `--cold` loads it for this run"))
        yield Warm(asked, server, about)


def answered(
    session: Session, warm: Warm, options: InferOptions, request: GenerateRequest, *, sink: Sink
) -> InferResult:
    """All prompts at once, as many as the server has room for.

    Raises:
        ServerFailed: If it refuses one, or broke off.
        JobFailed: If there is no answer after `--timeout`.
    """
    began = time.monotonic()
    is_drawn = request.temperature > 0
    seed = (secrets.randbits(31) if request.seed is None else request.seed) if is_drawn else None
    settings = [_settings(warm, request, seed, number) for number in range(len(request.prompts))]
    room = max(1, warm.about["slots"])  # a router with no replica in has none
    answers = ask_all(
        warm.server, request, settings, room=room, timeout_s=options.timeout_s, sink=sink
    )
    engine = warm.asked.engine
    return InferResult(
        cluster=session.cluster.name,
        job=warm.asked.id,
        server=warm.server.url,
        model=warm.about["model"],
        tp=engine.tp,
        pp=engine.pp,
        dp=len(warm.about["replicas"]),
        batch=min(room, len(request.prompts)),
        dtype=_dtype(warm),
        seed=seed,
        answers=tuple(
            _answer(prompt, each, request)
            for prompt, each in zip(request.prompts, answers, strict=True)
        ),
        load_s=None,
        took_s=time.monotonic() - began,
        ranks=tuple(_ranks(warm.about)),
        versions=warm.about.get("versions") or {},
    )


def _dtype(warm: Warm) -> str:
    """In which its ranks say that they have the model; else what was asked for."""
    return next((rank["dtype"] for rank in _told(warm.about)), warm.asked.engine.dtype)


def _why_cold(wanted: EngineSettings, options: InferOptions, has: EngineSettings) -> str | None:
    """Why this server cannot answer as asked; None: it can."""
    if has.name != wanted.name:
        return f"its engine is {has.name}"
    if has.model != wanted.model:
        return f"it serves {has.model}"
    if has.dtype != wanted.dtype:
        return f"its dtype is {has.dtype}"
    for name, size in (("tp", options.tp), ("pp", options.pp)):
        if size is not None and (wanted.tp, wanted.pp) != (has.tp, has.pp):
            return f"`--{name} {size}`, and it has tp={has.tp} pp={has.pp}"
    needs_a_job = {
        "--detach": options.detach,
        "--restart": options.restart,
        "--retries": options.retries,
        "--stall-timeout": options.stall_timeout_s is not None,
        "--launcher": options.launcher != "mpirun",
        "--logits": options.logits,
    }
    given = [f"`{name}`" for name, is_given in needs_a_job.items() if is_given]
    needs = "need jobs" if len(given) > 1 else "needs a job"
    return f"{' and '.join(given)} {needs} of one's own" if given else None


def _settings(
    warm: Warm, request: GenerateRequest, seed: int | None, number: int
) -> dict[str, Any]:
    """What one prompt is asked with; each has numbers of its own to draw from."""
    drawn = {} if seed is None else {"seed": seed + number, "top_p": request.top_p}
    return {
        "model": warm.about["model"],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "return_token_ids": True,
        **drawn,
    }


def _answer(prompt: str, answered: Streamed, request: GenerateRequest) -> Answer:
    return Answer(
        prompt=prompt,
        prompt_text=prompt if request.raw else None,
        text=answered.text,
        token_ids=answered.token_ids,
        prompt_tokens=answered.prompt_tokens,
        completion_tokens=answered.completion_tokens,
        finish_reason=answered.finish,
        first_token_s=answered.first_token_s,
        token_s=answered.token_s,
    )


def _told(about: dict[str, Any]) -> list[dict[str, Any]]:
    """What it tells of each rank, replica by replica."""
    return [rank for replica in about["replicas"] for rank in replica["ranks"]]


def _ranks(about: dict[str, Any]) -> Iterator[InferRank]:
    """All ranks that there are; those of a second replica come after those of the first."""
    for number, rank in enumerate(_told(about)):
        yield InferRank(
            rank=number,
            node=rank["node"],
            device=rank["device"],
            memory_bytes=rank.get("peak_memory_bytes") or rank.get("memory_bytes"),
            load_s=rank.get("load_s"),
        )
