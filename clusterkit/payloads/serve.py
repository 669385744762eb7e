"""Keep a model loaded over the ranks of a job, and answer OpenAI's HTTP routes on rank 0.

Every rank runs this in a folder with ``input.json``:

    {"version": 1, "model": FOLDER, "name": "smollm2-135m", "tp": 1, "pp": 2, "dtype": "auto",
     "threads": null, "compile": "off", "host": "127.0.0.1", "port": 8000, "api_keys_sha256": [],
     "max_batch": 16, "max_queue": 256, "max_prompt_tokens": null, "max_tokens": null,
     "request_timeout_s": 600, "drain_s": 30,
     "map": [{"rank": 0, "node": "node1", "local_rank": 0}, …]}

``compile`` auto: on GPUs, steps are compiled and recorded before all else (decoders.py).

Events, as in ``generate``: ``ready`` of each rank; ``warming`` while it compiles; of rank 0,
once a real answer came from all ranks and it listens, {"event": "serving", "model": NAME,
"port": PORT, "answer": TEXT, "took_s": SECONDS}; ``error``. Port 0 is any that is free.
SIGTERM to all ranks ends it: rank 0 lets running requests end and tells the others to leave.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any, Callable, NoReturn  # noqa: UP035 - Python 3.8

from clusterkit.payloads.generate_events import Failed, rank, tell
from clusterkit.payloads.generate_model import (
    about,
    load,
    memory_bytes,
    peak_memory_bytes,
    stop_ids,
)
from clusterkit.payloads.generate_place import take_place, threads_of
from clusterkit.payloads.generate_store import wait_for_store
from clusterkit.payloads.rank_main import before_torch, run_rank
from clusterkit.payloads.server.heap import give_back_large_blocks

Serve = Callable[..., None]
"""``serve_http``: answer requests with a Generation until the server was drained."""
PROMPT, TOKENS = "The capital of France is", 4
_SEEN_WITHIN_S, _HEARD_WITHIN_S, _DRAINED_WITHIN_S = 0.3, 1.0, 8.0


def main() -> NoReturn:
    """Run one rank to its end."""
    run_rank(run)


def run(request: dict[str, Any], serve: Serve | None = None) -> None:
    """Load this rank's part of the model, then lead or follow until the end.

    Raises:
        Refused: If this model cannot be served so.
        Failed: If a rank failed.
    """
    started = time.monotonic()
    take_place(tp=request["tp"], pp=request["pp"])
    before_torch()
    give_back_large_blocks()
    import torch

    from clusterkit.payloads.server.decoders import decoder_of

    torch.set_num_threads(threads_of(request))
    if not Path(request["model"], "config.json").is_file():
        raise Failed(f"{os.uname().nodename}: no model in {request['model']}. Fix: build it there")
    if rank() == 0 and serve is None:
        import_module("clusterkit.payloads.server.http").check_place(request)
    wait_for_store()
    model = load(request)
    row = about(model, time.monotonic() - started)
    tell(event="ready", **row)
    decoder = decoder_of(model, request)
    if rank() == 0:
        _lead(request, model, decoder, row, serve or _serve_http, started)
    else:
        _follow(decoder, row)
    decoder.release()
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _serve_http(*told: Any, **more: Any) -> None:
    import_module("clusterkit.payloads.server.http").serve_http(*told, **more)


def _follow(decoder: Any, row: dict[str, Any]) -> None:
    from clusterkit.payloads.server.follow import follow
    from clusterkit.payloads.server.lines import Line
    from clusterkit.payloads.server.orders import Orders

    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # rank 0 lets running requests end first
    orders = Orders()
    line = Line(orders.share(None), rank(), _fresh(row))
    try:
        follow(decoder, orders, report=lambda: line.tell(row=_fresh(row)))
    except Exception as error:
        line.tell(error=f"{type(error).__name__}: {error}")
        if line.broke(within_s=_SEEN_WITHIN_S):
            raise Failed("rank 0 is gone") from None
        # This may be only the echo of another rank's end: rank 0 says first who it was.
        line.broke(within_s=_DRAINED_WITHIN_S)
        raise


def _lead(
    request: dict[str, Any],
    model: Any,
    decoder: Any,
    row: dict[str, Any],
    serve: Serve,
    started: float,
) -> None:
    import torch
    import transformers

    from clusterkit.payloads.server.orders import Orders
    from clusterkit.payloads.server.together import Together
    from clusterkit.payloads.server.work import RanksFailed

    tokenizer = transformers.AutoTokenizer.from_pretrained(request["model"])
    ends = stop_ids(model.generation_config)
    together = Together(request, decoder, Orders(), stop_ids=ends, on_failure=_drain)
    try:
        answer = tokenizer.decode(together.answer(tokenizer(PROMPT)["input_ids"], TOKENS))
    except RanksFailed as error:
        raise Failed(str(error)) from None
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    serve(
        request,
        together.lead,
        tokenizer,
        lambda: {"ranks": together.rows(_fresh(row)), "versions": versions},
        on_listening=lambda port: tell(
            event="serving",
            model=request["name"],
            port=port,
            answer=answer,
            took_s=round(time.monotonic() - started, 3),
        ),
    )
    together.stop()
    failure = together.lead.failure()
    if failure:
        sys.stderr.write(failure + "\n")  # for the job's record, where nobody hears events
        raise Failed(failure)


def _fresh(row: dict[str, Any]) -> dict[str, Any]:
    """The same rank, with the memory that it uses by now."""
    return {**row, "memory_bytes": memory_bytes(), "peak_memory_bytes": peak_memory_bytes()}


def _drain() -> None:
    """The ranks failed: who waits hears it, then this rank ends, and with it the job."""
    time.sleep(_HEARD_WITHIN_S)
    os.kill(os.getpid(), signal.SIGTERM)  # the server drains, as when the job is stopped
    time.sleep(_DRAINED_WITHIN_S)
    os._exit(1)
