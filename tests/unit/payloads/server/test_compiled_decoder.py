"""The compiled decoder on a CPU: the same rows, cache and padding, without graphs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.nn.attention.flex_attention import flex_attention
from torch.nn.functional import scaled_dot_product_attention
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from clusterkit.payloads.server import decode_steps
from clusterkit.payloads.server.compiled_decoder import CompiledDecoder, Differs, why_not
from clusterkit.payloads.server.decode_steps import How
from clusterkit.payloads.server.decoders import bytes_per_token, decoder_of, tokens_that_fit
from clusterkit.payloads.server.eager import EagerDecoder
from clusterkit.payloads.server.row_attention import block_mask, plain_mask

SIZES = {
    "vocab_size": 256,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,  # so that tokens differ
    "bos_token_id": None,
    "eos_token_id": None,
}
PROMPTS = {5: list(range(3, 20)), 0: [9], 3: list(range(40, 50)), 1: [1, 2, 3]}
PLAIN = How(backend=None, has_graphs=False, has_blocks=False)
TRACED = How(backend="eager", has_graphs=False, has_blocks=False)


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SIZES)).eval()


@pytest.fixture(scope="module")
def alone(model: Any) -> dict[int, list[int]]:
    """What each prompt gets when it is alone."""
    model.set_attn_implementation("sdpa")
    how = {"max_new_tokens": 12, "do_sample": False}
    return {
        slot: model.generate(torch.tensor([ids]), **how)[0, len(ids) :].tolist()
        for slot, ids in PROMPTS.items()
    }


@pytest.fixture
def quiet() -> Iterator[list[tuple[int, int, str]]]:
    """What was told while it got warm; what was compiled is forgotten after."""
    yield []
    torch.compiler.reset()


def warm(
    model: Any, told: list[tuple[int, int, str]], how: How, slots: int = 6
) -> CompiledDecoder:
    decoder = CompiledDecoder(model, slots=slots, capacity=100, how=how)
    decoder.warm(lambda *row: told.append(row))
    return decoder


@pytest.mark.parametrize("how", [PLAIN, TRACED], ids=["plain", "traced"])
def test_rows_that_come_and_go_get_what_each_gets_alone(
    model: Any, alone: dict[int, list[int]], quiet: list[tuple[int, int, str]], how: How
) -> None:
    decoder = warm(model, quiet, how)
    found: dict[int, list[int]] = {}
    with torch.compiler.set_stance("fail_on_recompile"):
        for round_ in range(15):
            if round_ < len(PROMPTS):  # one more comes, in two parts
                slot, ids = list(PROMPTS.items())[round_]
                half = len(ids) // 2
                if half:
                    decoder.prefill(slot, ids[:half])
                found[slot] = [int(decoder.prefill(slot, ids[half:]).argmax())]
            # Not all of them each time; the first that came leaves before the others.
            going = [
                slot
                for slot, new in found.items()
                if len(new) < (6 if slot == 5 else 12) and (slot != 3 or round_ != 4)
            ]
            if round_ == 7:
                decoder.free(5)
            if going:
                new = decoder.decode(going, [found[slot][-1] for slot in going])
                for slot, token in zip(going, new.argmax(dim=-1).tolist(), strict=True):
                    found[slot].append(token)

    assert found == {slot: new[: 6 if slot == 5 else 12] for slot, new in alone.items()}


def test_it_tells_what_it_gets_ready(model: Any, quiet: list[tuple[int, int, str]]) -> None:
    warm(model, quiet, PLAIN)

    whats = ["memory", "batch 1", "batch 2", "batch 4", "batch 6", ""]
    assert quiet == [(done, 5, what) for done, what in enumerate(whats)]


def test_a_row_takes_no_more_than_it_holds(model: Any, quiet: list[tuple[int, int, str]]) -> None:
    decoder = warm(model, quiet, PLAIN, slots=1)
    decoder.prefill(0, [1] * 99)
    with pytest.raises(ValueError, match=r"^a row has 99 of 100 tokens: 2 are more$"):
        decoder.prefill(0, [1, 2])
    decoder.decode([0], [1])
    with pytest.raises(ValueError, match=r"^a row has all of 100 tokens$"):
        decoder.decode([0], [1])
    decoder.free(0)
    decoder.prefill(0, [1] * 100)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_masks_of_blocks_and_of_tokens_say_the_same() -> None:
    torch.manual_seed(0)
    positions = torch.tensor([0, 127, 128, 300])
    query, key, value = (torch.randn(4, 2, length, 16) for length in (1, 384, 384))

    by_blocks = flex_attention(query, key, value, block_mask=block_mask(positions, 384))

    by_tokens = scaled_dot_product_attention(
        query, key, value, attn_mask=plain_mask(positions, 384)
    )
    torch.testing.assert_close(by_blocks, by_tokens)
    assert block_mask(positions, 384).kv_num_blocks.flatten().tolist() == [1, 1, 2, 3]


def test_models_that_cannot_be_compiled_say_why(model: Any) -> None:
    windows = MistralForCausalLM(MistralConfig(**SIZES, sliding_window=8))

    assert why_not(model, pp=1) is None
    assert why_not(model, pp=2) == "the ranks of a pipeline run different steps"
    assert (
        why_not(windows, pp=1) == "its cache has layers of other kinds: StaticSlidingWindowLayer"
    )


def test_on_a_cpu_auto_is_off(model: Any) -> None:
    model.set_attn_implementation("sdpa")

    decoder = decoder_of(model, {"compile": "auto", "max_batch": 3, "pp": 1, "tp": 1})

    assert (type(decoder), decoder.slots, decoder.capacity) == (EagerDecoder, 3, 2048)


def test_rows_hold_what_fits_into_the_memory(model: Any) -> None:
    # Keys and values of 2 layers, of 1 head of 16 numbers of 4 bytes on each of 2 ranks.
    assert bytes_per_token(model, tp=2) == 2 * 2 * 1 * 16 * 4
    assert tokens_that_fit(10_000, 4, 100) == 20


def test_steps_that_compute_something_else_are_not_used(
    model: Any, quiet: list[tuple[int, int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def half_of_them(positions: torch.Tensor, capacity: int) -> torch.Tensor:
        return plain_mask(positions.clamp(max=63), capacity)

    monkeypatch.setattr(decode_steps, "block_mask", half_of_them)

    with pytest.raises(Differs, match=r"^steps of 1 rows differ by \d+% from those not compiled$"):
        warm(model, quiet, How(backend=None, has_graphs=False))
