"""The compiled decoder of `serve` on GPUs: steps in CUDA graphs, and two ranks that share sums."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.serve_gpu import run_ranks
from tests.gpu.flat_logits import assert_near, write_model
from tests.gpu.gpus import first_two

# Libraries warn of this and that while they compile.
pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("default")]

SLOTS, NEW = 5, 40
LENGTHS = {3: 1, 0: 30, 4: 200, 1: 700}


def test_recorded_steps_give_the_tokens_of_the_library_in_float32() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this machine has no NVIDIA GPU")
    from clusterkit.payloads.server.compiled_decoder import CompiledDecoder

    model = small_llama()
    prompts = {slot: torch.randint(256, (tokens,)).tolist() for slot, tokens in LENGTHS.items()}
    how = {"max_new_tokens": NEW, "do_sample": False}
    alone = {
        slot: model.generate(torch.tensor([ids], device="cuda"), **how)[0, len(ids) :].tolist()
        for slot, ids in prompts.items()
    }
    decoder = CompiledDecoder(model, slots=SLOTS, capacity=1000)
    decoder.warm(lambda *_: None)

    found: dict[int, list[int]] = {}
    for slot, ids in prompts.items():  # one comes after the other, the long one in parts
        parts = [ids[start : start + 512] for start in range(0, len(ids), 512)]
        logits = [decoder.prefill(slot, part) for part in parts]
        found[slot] = [int(logits[-1].argmax())]
        go_on(decoder, found, 3)
    decoder.free(3)  # the last row moves to where the first one was
    gone = {3: found.pop(3)}
    go_on(decoder, found, NEW)

    assert found == {slot: alone[slot] for slot in found}
    assert gone[3] == alone[3][: len(gone[3])]
    decoder.release()


def test_two_ranks_give_the_logits_of_one_that_is_not_compiled(big: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    first_two()
    how = {
        "model": str(big),
        "pp": 1,
        "dtype": "auto",
        "slots": 4,
        "capacity": 512,
        "batches": [1, 4],
        "prompt_tokens": 100,
        "new_tokens": 16,
    }
    one, two = tmp_path / "one.pt", tmp_path / "two.pt"
    eager = run_ranks({**how, "tp": 1, "compile": "off", "logits": str(one)})
    compiled = run_ranks({**how, "tp": 2, "compile": "auto", "logits": str(two)})

    sys.stdout.write(f"eager: {eager}\ncompiled, tp=2: {compiled}\n")
    assert (eager["decoder"], compiled["decoder"]) == ("EagerDecoder", "CompiledDecoder")
    assert compiled["token_s"]["1"] < eager["token_s"]["1"] / 2
    whats = ("after the prompt", "after one token more")
    for what, ours, theirs in zip(whats, torch.load(two), torch.load(one), strict=True):
        assert_near(what, dict(enumerate(ours.tolist())), dict(enumerate(theirs.tolist())))


@pytest.fixture
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("llama")
    write_model(folder)
    yield folder
    shutil.rmtree(folder)  # gigabytes


def small_llama() -> Any:
    """Of two layers, whose tokens differ clearly."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=256,
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.2,
        bos_token_id=None,
        eos_token_id=None,
    )
    return LlamaForCausalLM(config).eval().to("cuda")


def go_on(decoder: Any, rows: dict[int, list[int]], steps: int) -> None:
    """Append the likeliest tokens to these rows, up to NEW of them."""
    for _ in range(steps):
        going = [slot for slot, tokens in rows.items() if len(tokens) < NEW]
        if not going:
            return
        logits = decoder.decode(going, [rows[slot][-1] for slot in going])
        for slot, token in zip(going, logits.argmax(dim=-1).tolist(), strict=True):
            rows[slot].append(token)
