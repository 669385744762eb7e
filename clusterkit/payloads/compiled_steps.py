"""Answer a batch of prompts token by token with a step of one static shape.

Rows are filled up on their right: attention looks back only, so what comes after a row's last
token changes nothing before it.
"""

from __future__ import annotations

from typing import Any

from clusterkit.payloads.compiled_model import Step
from clusterkit.payloads.compiled_place import Replica
from clusterkit.payloads.generate_events import Failed, rank, tell
from clusterkit.payloads.generate_model import device_of_rank, stop_ids
from clusterkit.payloads.generate_text import TokenStream


class Row:
    """One prompt of a batch, and its answer as it comes."""

    def __init__(self, index: int, prompt: Any, *, tells: bool) -> None:
        self.index = index
        self.tokenizer, self.text, self.ids = prompt
        self.new: list[int] = []
        self.logits: list[tuple[int, float]] = []
        self.stream = TokenStream(self.tokenizer, index, tells=tells)
        self.stream.put(None)  # the prompt

    def add(self, token: Any) -> None:
        """One token more; ``token`` is a tensor of one."""
        self.new.append(int(token))
        self.stream.put(token)

    def ended(self, stops: list[int], max_tokens: int) -> bool:
        """Whether the answer is whole."""
        return bool(self.new) and (self.new[-1] in stops or len(self.new) >= max_tokens)


def answer_batch(
    step: Step, replica: Replica, request: dict[str, Any], prompts: list[tuple[int, Any]]
) -> list[list[int]]:
    """Answer these prompts together; the first rank of the replica tells it as it comes."""
    import torch

    rows = [Row(index, prompt, tells=replica.is_first) for index, prompt in prompts]
    stops = stop_ids(step.generation)
    choose = Choice(request, rows, step.device)
    ids = torch.zeros(step.shape, dtype=torch.long, device=step.device)
    last = torch.zeros(step.shape[0], dtype=torch.long, device=step.device)
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = torch.tensor(row.ids, device=step.device)
        last[number] = len(row.ids) - 1
    while not all(row.ended(stops, request["max_tokens"]) for row in rows):
        logits = step(ids, last)
        tokens = same_everywhere(choose(logits), replica)
        for number, row in enumerate(rows):
            if row.ended(stops, request["max_tokens"]):
                continue
            if not row.new:
                row.logits = highest(logits[number], request.get("logits") or 0)
            row.add(tokens[number : number + 1])
            if not row.ended(stops, request["max_tokens"]):
                last[number] += 1
                ids[number, last[number]] = row.new[-1]
    if replica.is_first:
        for row in rows:
            tell_answer(row, request, stops)
    return [row.new for row in rows]


class Choice:
    """Chooses each row's next token as ``generate`` does: greedily, or drawn by its own seed."""

    def __init__(self, request: dict[str, Any], rows: list[Row], device: Any) -> None:
        import torch
        from transformers import TemperatureLogitsWarper, TopPLogitsWarper

        self._warpers: list[Any] = []
        if request["temperature"] > 0:
            self._warpers.append(TemperatureLogitsWarper(float(request["temperature"])))
            if request["top_p"] < 1:
                self._warpers.append(TopPLogitsWarper(request["top_p"]))
        self._numbers = [
            torch.Generator(device).manual_seed(request["seed"] + row.index) for row in rows
        ]

    def __call__(self, logits: Any) -> Any:
        """A token for each row, on the CPU."""
        import torch

        if not self._warpers:
            return logits[: len(self._numbers)].argmax(-1).cpu()
        for warp in self._warpers:
            logits = warp(None, logits)
        drawn = [
            torch.multinomial(row.softmax(-1), 1, generator=numbers)
            for row, numbers in zip(logits, self._numbers)  # noqa: B905 - Python 3.8
        ]
        return torch.cat(drawn).cpu()


def same_everywhere(tokens: Any, replica: Replica) -> Any:
    """The tokens, which all ranks of the replica must have chosen.

    Raises:
        Failed: If this rank chose others: it would wait for ranks that have stopped, or worse.
    """
    if replica.size == 1:
        return tokens
    import torch

    theirs = tokens.to(device_of_rank(), copy=True)
    torch.distributed.broadcast(theirs, src=0)
    if not torch.equal(theirs.cpu(), tokens):
        first = replica.number * replica.size
        raise Failed(f"the tokens of ranks {first} and {rank()} differ: do not use them")
    return tokens


def highest(logits: Any, count: int) -> list[tuple[int, float]]:
    """The ``count`` highest logits of a row, highest first."""
    import torch

    if not count:
        return []
    top = torch.topk(logits, min(count, logits.numel()))
    return list(zip(top.indices.tolist(), top.values.tolist()))  # noqa: B905 - Python 3.8


def tell_answer(row: Row, request: dict[str, Any], stops: list[int]) -> None:
    """Tell the whole answer of a prompt."""
    tell(
        event="answer",
        prompt=row.index,
        prompt_text=row.text,
        prompt_tokens=len(row.ids),
        text=row.stream.finish(row.new),
        token_ids=row.new,
        completion_tokens=len(row.new),
        finish_reason="stop" if row.new and row.new[-1] in stops else "length",
        seed=request["seed"] if request["temperature"] > 0 else None,
        **row.stream.times(),
        prompt_logits=row.logits,
    )
