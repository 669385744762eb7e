"""The next token of each row.

Only rank 0 draws; the tokens travel to the other ranks with the order for the next step. So ranks
append the same token even where their logits differ in the last bit, and where a GPU breaks a tie
in another way than its neighbour. Each request has random numbers of its own, one a token: the
same seed draws the same tokens, whatever else is in the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Sequence  # noqa: UP035 - Python 3.8

import torch

from clusterkit.payloads.server.work import NewToken, Work

_LIKELIEST = 1024


@dataclass(frozen=True)
class Draw:
    """How the next token of a row is drawn; ``random`` moves on with each."""

    work: Work
    random: Random


def draw(logits: Any, draws: Sequence[Draw]) -> list[NewToken]:
    """The next token of each row of ``logits`` [rows, vocabulary], in the order of ``draws``."""
    tokens = logits.argmax(dim=-1).tolist()
    sampled = [row for row, each in enumerate(draws) if each.work.temperature > 0]
    if sampled:
        drawn = _sample(logits[sampled], [draws[row] for row in sampled])
        for row, token in zip(sampled, drawn):  # noqa: B905 - Python 3.8
            tokens[row] = token
    return [
        _with_logprobs(logits[row], token, each.work)
        for row, (token, each) in enumerate(zip(tokens, draws))  # noqa: B905 - Python 3.8
    ]


def _sample(logits: Any, draws: Sequence[Draw]) -> list[int]:
    """One draw for each row, from its likeliest tokens that have ``top_p`` together."""
    kind = {"device": logits.device, "dtype": torch.float64}
    temperatures = torch.tensor([each.work.temperature for each in draws], **kind)
    # As doubles: a sum of so many small floats is wrong by more than a rare token has.
    likely = torch.softmax(logits.double() / temperatures[:, None], dim=-1)
    numbers = [each.random.random() for each in draws]
    tokens = []
    for row, each in enumerate(draws):
        kept, ids = likely[row], None
        if each.work.top_p < 1:
            kept, ids = _nucleus(kept, each.work.top_p)
        sums = kept.cumsum(dim=-1)
        at = torch.searchsorted(sums, sums[-1] * numbers[row], right=True).clamp(max=len(sums) - 1)
        tokens.append(int(at if ids is None else ids[at]))
    return tokens


def _nucleus(likely: Any, top_p: float) -> tuple[Any, Any]:
    """The fewest tokens that have ``top_p`` together, likeliest first, and their ids."""
    few = min(_LIKELIEST, likely.numel())  # nearly always enough; sorting all takes long
    for count in (few, likely.numel()):
        values, ids = torch.topk(likely, count)
        before = values.cumsum(dim=-1) - values
        if count == likely.numel() or float(before[-1]) >= top_p:
            break
    kept = max(1, int((before < top_p).sum()))
    return values[:kept], ids[:kept]


def _with_logprobs(logits: Any, token: int, work: Work) -> NewToken:
    if work.top_logprobs is None:
        return NewToken(token)
    known = torch.log_softmax(logits, dim=-1)
    top = torch.topk(known, min(work.top_logprobs, known.numel()))
    likeliest = tuple(zip(top.indices.tolist(), top.values.tolist()))  # noqa: B905 - Python 3.8
    return NewToken(token, float(known[token]), likeliest)
