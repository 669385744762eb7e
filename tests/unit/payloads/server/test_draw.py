"""The next token of each row."""

from __future__ import annotations

import math
from collections import Counter
from random import Random
from typing import Any

import pytest
import torch

from clusterkit.payloads.server.draw import Draw, draw
from clusterkit.payloads.server.work import NewToken, Work

LIKELY = [0.5, 0.3, 0.15, 0.05]


def logits(*rows: list[float]) -> Any:
    return torch.tensor([[math.log(each) for each in row] for row in rows])


def how(seed: int = 0, **settings: Any) -> Draw:
    return Draw(Work("w", (1,), 9, seed=seed, **settings), Random(seed))  # noqa: S311


def counts(draws: int = 4000, **settings: Any) -> list[float]:
    """How often each token is drawn."""
    each, table = how(**settings), logits(LIKELY)
    found = Counter(draw(table, [each])[0].token for _ in range(draws))
    return [found[token] / draws for token in range(4)]


def test_no_temperature_is_the_likeliest() -> None:
    assert draw(logits(LIKELY, LIKELY[::-1]), [how(), how()]) == [NewToken(0), NewToken(3)]


def test_temperature_one_is_what_the_model_says() -> None:
    assert counts(temperature=1.0) == pytest.approx(LIKELY, abs=0.03)


def test_a_low_temperature_sharpens() -> None:
    squares = [each**2 for each in LIKELY]
    expected = [each / sum(squares) for each in squares]

    assert counts(temperature=0.5) == pytest.approx(expected, abs=0.03)


def test_top_p_takes_the_fewest_that_have_it() -> None:
    assert counts(temperature=1.0, top_p=0.79) == pytest.approx([0.625, 0.375, 0, 0], abs=0.03)
    assert counts(draws=50, temperature=1.0, top_p=0.0) == [1, 0, 0, 0]


def test_top_p_of_a_flat_vocabulary() -> None:
    """So flat that the likeliest thousand are not enough."""
    each, table = how(temperature=1.0, top_p=0.5), torch.zeros(1, 5000)
    table[0, 4000:] = -1.0

    drawn = {draw(table, [each])[0].token for _ in range(3000)}

    assert len(drawn) > 1024
    assert max(drawn) < 4000


def test_a_seed_draws_the_same_whatever_else_is_drawn() -> None:
    table = torch.randn(3, 500, generator=torch.Generator().manual_seed(0))

    def tokens(*others: Draw, at: int, top_p: float) -> list[int]:
        mine = how(7, temperature=1.0, top_p=top_p)
        draws = [*others[:at], mine, *others[at:]]
        rows = torch.stack([table[0] if each is mine else table[1] for each in draws])
        return [draw(rows, draws)[at].token for _ in range(20)]

    for top_p in (1.0, 0.9):
        alone = tokens(at=0, top_p=top_p)
        beside = tokens(how(), how(3, temperature=2.0), how(7, temperature=1.0), at=1, top_p=top_p)
        assert alone == beside
        assert len(set(alone)) > 5


def test_log_probabilities_are_the_models_own() -> None:
    wanted = how(temperature=0.01, top_logprobs=2)
    only = how(top_logprobs=0)

    first, second, third = draw(logits(LIKELY, LIKELY, LIKELY), [wanted, only, how()])

    assert first.logprob == pytest.approx(math.log(0.5))
    assert [token for token, _ in first.top] == [0, 1]
    assert [value for _, value in first.top] == pytest.approx([math.log(0.5), math.log(0.3)])
    assert (second.logprob, second.top) == (pytest.approx(math.log(0.5)), ())
    assert third == NewToken(0)
