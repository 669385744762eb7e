"""Rows that come and go each get what they would get alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from transformers import MistralConfig

from clusterkit.payloads.generate_events import Refused
from clusterkit.payloads.server.eager import EagerDecoder, check_layers
from tests.unit.payloads.server.tiny import alone, llama, prompt, sliding

MODELS = pytest.mark.parametrize("make", [llama, sliding])


def go_on(decoder: EagerDecoder, rows: dict[int, list[int]], steps: int) -> None:
    """Append the likeliest token to each of these rows, so many times."""
    for _ in range(steps):
        logits = decoder.decode(list(rows), [tokens[-1] for tokens in rows.values()])
        for tokens, token in zip(rows.values(), logits.argmax(-1).tolist(), strict=True):
            tokens.append(token)


def begin(decoder: EagerDecoder, slot: int, ids: list[int]) -> list[int]:
    return [int(decoder.prefill(slot, ids).argmax())]


@MODELS
def test_rows_of_all_lengths_together(make: Callable[[], Any]) -> None:
    prompts = [prompt(seed, length) for seed, length in enumerate([1, 5, 40, 17])]
    expected = [alone(make(), ids, 20) for ids in prompts]

    decoder = EagerDecoder(make(), slots=4, capacity=512)
    rows = {slot: begin(decoder, slot, ids) for slot, ids in enumerate(prompts)}
    go_on(decoder, rows, 19)

    assert list(rows.values()) == expected


@MODELS
def test_rows_that_come_and_go(make: Callable[[], Any]) -> None:
    first, second, third = prompt(1, 30), prompt(2, 3), prompt(3, 9)
    model = make()
    expected = [
        alone(model, ids, tokens) for ids, tokens in [(first, 12), (second, 22), (third, 16)]
    ]

    decoder = EagerDecoder(make(), slots=3, capacity=512)
    one, two = begin(decoder, 0, first), begin(decoder, 2, second)
    go_on(decoder, {0: one, 2: two}, 5)  # rows that do not lie together
    go_on(decoder, {2: two}, 1)
    go_on(decoder, {2: two, 0: one}, 6)
    decoder.free(0)
    three = begin(decoder, 0, third)  # where a longer one was
    go_on(decoder, {0: three, 2: two}, 9)
    decoder.free(2)
    go_on(decoder, {0: three}, 6)

    assert [one, two, three] == expected


@MODELS
def test_a_prompt_in_pieces(make: Callable[[], Any]) -> None:
    ids = prompt(4, 50)
    decoder = EagerDecoder(make(), slots=2, capacity=512)

    decoder.prefill(0, ids[:20])
    decoder.prefill(0, ids[20:21])
    tokens = begin(decoder, 0, ids[21:])
    go_on(decoder, {0: tokens}, 9)

    assert tokens == alone(make(), ids, 10)


def test_memory_grows_while_rows_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusterkit.payloads.server.rows._TOKENS", 4)
    decoder = EagerDecoder(llama(), slots=5, capacity=512)
    prompts = [prompt(seed, 6) for seed in range(5)]

    rows = {}
    for slot, ids in enumerate(prompts):
        rows[slot] = begin(decoder, slot, ids)
        go_on(decoder, rows, 4)

    expected = [alone(llama(), ids, 30)[: len(rows[slot])] for slot, ids in enumerate(prompts)]
    assert list(rows.values()) == expected


def test_a_full_row_is_refused() -> None:
    decoder = EagerDecoder(llama(), slots=1, capacity=8)

    decoder.prefill(0, prompt(0, 8))

    with pytest.raises(ValueError, match="a row has 8 of 8 tokens: 1 are more"):
        decoder.decode([0], [1])


def test_models_that_remember_otherwise_are_refused() -> None:
    config = MistralConfig(layer_types=["full_attention", "linear_attention"], num_hidden_layers=2)

    with pytest.raises(Refused, match="models with linear_attention cannot serve many"):
        check_layers(config)


def test_an_attention_of_its_own_is_refused() -> None:
    model = llama()
    model.set_attn_implementation("eager")

    with pytest.raises(Refused, match=r"llama has an attention of its own \(eager\)"):
        EagerDecoder(model, slots=1, capacity=8)
