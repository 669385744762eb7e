"""Answer prompts with one model that is split over the ranks of an MPI job.

Every rank runs this in a folder with ``input.json``:

    {"version": 1, "model": FOLDER, "tp": 1, "pp": 2, "dtype": "auto", "prompts": ["…"],
     "system": null, "raw": false, "max_tokens": 128, "temperature": 0.0, "top_p": 1.0,
     "seed": null, "threads": null, "logits": 0}

Ranks know their place from RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, or, under
a bare mpirun, from Open MPI's variables. Events are lines of JSON on the file descriptor in
CLUSTERKIT_EVENTS_FD, else on stdout: ``ready`` and ``peak`` from each rank; from rank 0 ``token``,
``answer`` and ``done``; ``error`` from each rank that cannot go on.
Exit code 2: the request cannot be answered.
"""

from __future__ import annotations

import secrets
import time
from typing import Any, NoReturn

from clusterkit.payloads.generate_agree import agree
from clusterkit.payloads.generate_events import rank, tell
from clusterkit.payloads.generate_model import about, load, peak_memory_bytes, stop_ids
from clusterkit.payloads.generate_place import take_place, threads_of
from clusterkit.payloads.generate_prompts import read_prompts
from clusterkit.payloads.generate_store import wait_for_store
from clusterkit.payloads.generate_text import TokenStream
from clusterkit.payloads.rank_main import before_torch, run_rank


def main() -> NoReturn:
    """Run one rank to its end."""
    run_rank(run)


def run(request: dict[str, Any]) -> None:
    """Load this rank's part of the model, answer every prompt, agree on the tokens.

    Raises:
        Refused: If the request cannot be answered.
        Failed: If it was not answered.
    """
    take_place(tp=request["tp"], pp=request["pp"])
    before_torch()
    started = time.monotonic()
    import torch
    import transformers

    torch.set_num_threads(threads_of(request))
    prompts = read_prompts(request)
    wait_for_store()
    model = load(request)
    request["seed"] = seed_of(request)
    tell(event="ready", **about(model, time.monotonic() - started))
    answers = [answer(model, request, index, *prompt) for index, prompt in enumerate(prompts)]
    agree(answers)
    tell(event="peak", rank=rank(), memory_bytes=peak_memory_bytes())
    if rank() == 0:
        versions = {"torch": torch.__version__, "transformers": transformers.__version__}
        tell(event="done", versions=versions, tp=request["tp"], pp=request["pp"])
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def seed_of(request: dict[str, Any]) -> int:
    """The seed that all ranks draw from: the one asked for, or one that rank 0 chooses."""
    import torch

    chosen = [request["seed"] if request["seed"] is not None else secrets.randbits(31)]
    if torch.distributed.is_initialized():
        torch.distributed.broadcast_object_list(chosen, src=0)
    return int(chosen[0])


def answer(
    model: Any, request: dict[str, Any], index: int, tokenizer: Any, text: str, ids: list[int]
) -> list[int]:
    """Answer one prompt; rank 0 tells it as it comes. Returns the new token ids."""
    import torch

    device = next(model.parameters()).device
    inputs = torch.tensor([ids], device=device)
    logits = last_logits(model, inputs, request.get("logits") or 0)
    how: dict[str, Any] = {"do_sample": False}
    if request["temperature"] > 0:
        # Every rank draws the same tokens, because it draws from the same numbers.
        torch.manual_seed(request["seed"] + index)
        how = {
            "do_sample": True,
            "temperature": request["temperature"],
            "top_p": request["top_p"],
            "top_k": 0,
        }
    stream = TokenStream(tokenizer, index, tells=rank() == 0)
    with torch.inference_mode():
        output = model.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            max_new_tokens=request["max_tokens"],
            streamer=stream,
            **how,
        )
    new: list[int] = output[0, len(ids) :].tolist()
    if rank() == 0:
        stopped = bool(new) and new[-1] in stop_ids(model.generation_config)
        tell(
            event="answer",
            prompt=index,
            prompt_text=text,
            prompt_tokens=len(ids),
            text=stream.finish(new),
            token_ids=new,
            completion_tokens=len(new),
            finish_reason="stop" if stopped else "length",
            seed=request["seed"] if request["temperature"] > 0 else None,
            **stream.times(),
            prompt_logits=logits,
        )
    return new


def last_logits(model: Any, inputs: Any, count: int) -> list[tuple[int, float]]:
    """The ``count`` highest logits for the first new token, highest first."""
    if not count:
        return []
    import torch

    with torch.inference_mode():
        logits = model(inputs, logits_to_keep=1).logits[0, -1].float()
    top = torch.topk(logits, min(count, logits.numel()))
    return list(zip(top.indices.tolist(), top.values.tolist()))  # noqa: B905 - Python 3.8
