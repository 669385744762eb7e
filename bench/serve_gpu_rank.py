"""One rank of a model on GPUs: time its prompts and its steps, and show what it computes.

Run as ``python -m bench.serve_gpu_rank REQUEST`` with a rank's environment; REQUEST is JSON:

    {"model": FOLDER, "tp": 1, "pp": 1, "dtype": "auto", "compile": "off"|"auto", "slots": 64,
     "capacity": 2048, "batches": [1, 8], "prompt_tokens": 128, "new_tokens": 64, "logits": FILE}

Rank 0 prints one line of JSON. The logits after a prompt and after one more token go to FILE.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

import torch
import transformers

from clusterkit.payloads.generate_model import load, peak_memory_bytes
from clusterkit.payloads.server.decoders import decoder_of

_PROMPTS = 5


def main(request: dict[str, Any]) -> None:
    """Load, warm up, time, tell."""
    started = time.perf_counter()
    model = load(request)
    torch.cuda.synchronize()
    load_s = time.perf_counter() - started
    started = time.perf_counter()
    decoder = decoder_of(model, {**request, "max_batch": request["slots"]}, request["capacity"])
    warm_s = time.perf_counter() - started
    rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
    prompt = _prompt(request["prompt_tokens"], model.config.vocab_size)
    logits = [decoder.prefill(0, prompt).cpu(), decoder.decode([0], [7])[0].cpu()]
    decoder.free(0)
    if rank == 0 and request.get("logits"):
        torch.save(logits, request["logits"])
    result = {
        "decoder": type(decoder).__name__,
        "load_s": load_s,
        "warm_s": warm_s,
        "first_token_s": _first_token_s(decoder, prompt),
        "token_s": {
            rows: _token_s(decoder, prompt, rows, request["new_tokens"])
            for rows in request["batches"]
        },
        "parameter_bytes": sum(
            getattr(each, "_local_tensor", each).nbytes for each in model.parameters()
        ),
        "peak_memory_bytes": peak_memory_bytes(),
        "device": torch.cuda.get_device_name(),
        "versions": {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "NCCL": ".".join(map(str, torch.cuda.nccl.version())),
        },
    }
    if rank == 0:
        print(json.dumps(result), flush=True)
    decoder.release()
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _prompt(tokens: int, vocabulary: int) -> list[int]:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(vocabulary, (tokens,), generator=generator).tolist()


def _first_token_s(decoder: Any, prompt: list[int]) -> float:
    took = []
    for _ in range(_PROMPTS):
        started = time.perf_counter()
        decoder.prefill(0, prompt).argmax().item()
        took.append(time.perf_counter() - started)
        decoder.free(0)
    return statistics.median(took)


def _token_s(decoder: Any, prompt: list[int], rows: int, tokens: int) -> float:
    """Seconds a step: tokens are taken on rank 0 in a server, and here on each, as a test."""
    slots = list(range(rows))
    latest = [int(decoder.prefill(slot, prompt).argmax()) for slot in slots]
    took = []
    for _ in range(tokens):
        started = time.perf_counter()
        latest = decoder.decode(slots, latest).argmax(dim=-1).tolist()
        took.append(time.perf_counter() - started)
    for slot in reversed(slots):
        decoder.free(slot)
    return statistics.median(took)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
