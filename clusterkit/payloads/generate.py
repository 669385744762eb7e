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

import hashlib
import json
import os
import secrets
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NoReturn

from clusterkit.payloads.generate_events import Failed, Refused, rank, tell
from clusterkit.payloads.generate_model import about, load, peak_memory_bytes, stop_ids
from clusterkit.payloads.generate_store import wait_for_store
from clusterkit.payloads.generate_text import TokenStream
from clusterkit.payloads.quiet import quiet
from clusterkit.payloads.rank_input import read_input


def main() -> NoReturn:
    """Run one rank to its end."""
    code = 0
    try:
        run(read_input())
    except (Refused, Failed) as error:
        # Where every rank comes to this by itself, each says so: mpirun ends all of them with
        # the first to exit.
        tell(event="error", rank=rank(), message=str(error))
        code = error.exit_code
    except Exception as error:
        tell(event="error", rank=rank(), message=f"{type(error).__name__}: {error}")
        import traceback

        traceback.print_exc()
        code = 1
    # Threads of gloo and NCCL that wait for a rank that failed must not hold this one.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run(request: dict[str, Any]) -> None:
    """Load this rank's part of the model, answer every prompt, agree on the tokens.

    Raises:
        Refused: If the request cannot be answered.
        Failed: If it was not answered.
    """
    take_place(request)
    quiet(str(Path(".torch").absolute()))  # a rank runs in a folder of its job
    warnings.filterwarnings("ignore")
    # Idle threads of a rank would spin, and take the cores from other ranks: several times
    # slower where cores are shared. OpenMP reads this when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
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


def take_place(request: dict[str, Any]) -> None:
    """Know the rank's place, and that the job has as many ranks as the model has parts."""
    mpi = {
        "RANK": "OMPI_COMM_WORLD_RANK",
        "WORLD_SIZE": "OMPI_COMM_WORLD_SIZE",
        "LOCAL_RANK": "OMPI_COMM_WORLD_LOCAL_RANK",
        "LOCAL_WORLD_SIZE": "OMPI_COMM_WORLD_LOCAL_SIZE",
    }
    for name, variable in mpi.items():
        if name not in os.environ and variable in os.environ:
            os.environ[name] = os.environ[variable]
    ranks, parts = int(os.environ.get("WORLD_SIZE", "1")), request["tp"] * request["pp"]
    if ranks != parts:
        raise Refused(
            f"tp={request['tp']} x pp={request['pp']} needs {parts} ranks, and {ranks} run. "
            "Fix: start tp x pp ranks"
        )


def threads_of(request: dict[str, Any]) -> int:
    """How many CPU threads this rank uses: its share of the cores."""
    if request.get("threads"):
        return int(request["threads"])
    return max(1, len(os.sched_getaffinity(0)) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def read_prompts(request: dict[str, Any]) -> list[tuple[Any, str, list[int]]]:
    """Each prompt as the model gets it: tokenizer, text, token ids. All must fit the context."""
    from transformers import AutoConfig, AutoTokenizer

    if not Path(request["model"], "config.json").is_file():
        raise Failed(f"{os.uname().nodename}: no model in {request['model']}. Fix: build it there")
    tokenizer = AutoTokenizer.from_pretrained(request["model"])
    if not request["raw"] and not tokenizer.chat_template:
        raise Refused(f"{request['model']} has no chat template. Fix: `--raw`")
    config = AutoConfig.from_pretrained(request["model"]).get_text_config()
    context = getattr(config, "max_position_embeddings", None)
    prompts, problems = [], []
    for number, prompt in enumerate(request["prompts"], 1):
        text = prompt if request["raw"] else in_chat(tokenizer, request["system"], prompt)
        ids = tokenizer(text, add_special_tokens=request["raw"])["input_ids"]
        prompts.append((tokenizer, text, ids))
        if not ids:
            problems.append(f"prompt {number} is empty. Fix: write one")
        elif context and len(ids) + request["max_tokens"] > context:
            problems.append(too_long(number, len(ids), request["max_tokens"], context))
    if problems:
        raise Refused("\n".join(problems))
    return prompts


def in_chat(tokenizer: Any, system: str | None, prompt: str) -> str:
    """The prompt as the only question of a conversation."""
    messages = [{"role": "user", "content": prompt}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    text: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return text


def too_long(number: int, tokens: int, max_tokens: int, context: int) -> str:
    """What is wrong with a prompt that does not fit, and what would."""
    fix = f"`--max-tokens {context - tokens}` at most" if tokens < context else "a shorter prompt"
    return (
        f"prompt {number} has {tokens} tokens and {max_tokens} may follow; the model's context "
        f"is {context}. Fix: {fix}"
    )


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
    stream = TokenStream(tokenizer, index)
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


def agree(answers: list[list[int]]) -> None:
    """Fail unless every rank has the same tokens."""
    import torch

    if not torch.distributed.is_initialized():
        return
    mine = hashlib.sha256(json.dumps(answers).encode()).hexdigest()
    all_: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(all_, mine)
    others = [number for number, digest in enumerate(all_) if digest != all_[0]]
    if others:
        raise Failed(f"the tokens of rank 0 and of ranks {others} differ: do not use them")
