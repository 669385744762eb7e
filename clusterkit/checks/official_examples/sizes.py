"""How many ranks an example can be split over."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from clusterkit.checks.official_examples.reading import Reading, constant, words_of
from clusterkit.placement import Placement

_HEADS = ("n_heads", "n_kv_heads", "num_attention_heads", "num_key_value_heads")


def world_size(reading: Reading, placement: Placement) -> Iterator[str]:
    """What the number of ranks must be, and is not."""
    ranks = placement.world_size
    yield from _even(reading, ranks)
    yield from _heads(reading, ranks)
    yield from _frequencies(reading, ranks)
    yield from _shares(reading, ranks)


def _even(reading: Reading, ranks: int) -> Iterator[str]:
    """``world_size % 2`` in an assertion, or in an ``if`` that raises."""
    if ranks % 2 == 0:
        return
    for spot in reading.all(ast.Assert, ast.If):
        node = spot.node
        test = node.test if isinstance(node, ast.Assert | ast.If) else None
        raises = isinstance(node, ast.Assert) or (
            isinstance(node, ast.If) and any(isinstance(each, ast.Raise) for each in node.body)
        )
        if raises and test is not None and "world_size % 2 " in words_of(test):
            yield (
                f"{spot.where}: wants an even number of ranks, and there would be {ranks}. "
                f"Fix: `--ranks {max(2, ranks - 1)}`"
            )
            return


def _heads(reading: Reading, ranks: int) -> Iterator[str]:
    """Heads of attention that are given as numbers, and do not go round."""
    for spot, call in reading.calls("ModelArgs"):
        for word in call.keywords:
            count = constant(word.value)
            if word.arg in _HEADS and isinstance(count, int) and count % ranks:
                fits = ", ".join(str(n) for n in range(2, count + 1) if count % n == 0)
                yield (
                    f"{spot.where}: {word.arg}={count} cannot be dealt to {ranks} ranks. "
                    f"Fix: `--ranks` with one of {fits}"
                )


def _frequencies(reading: Reading, ranks: int) -> Iterator[str]:
    """Rotary frequencies that are made for another number of ranks than will run."""
    if ranks < 2:  # then nothing is split
        return
    for spot in reading.all(ast.Assign):
        assert isinstance(spot.node, ast.Assign)  # noqa: S101 - for the type
        target, count = spot.node.targets[0], constant(spot.node.value)
        if not isinstance(target, ast.Attribute) or target.attr != "n_parallel":
            continue
        if words_of(target.value) != "self" and isinstance(count, int) and count != ranks:
            yield (
                f"{spot.where}: makes rotary frequencies for {count} of {ranks} ranks, whose "
                f"shapes do not fit the split projections. Fix: `--ranks {count}`, or write "
                "`tp_mesh.size()` there"
            )


def _shares(reading: Reading, ranks: int) -> Iterator[str]:
    """Inputs that are listed, where some rank would get none."""
    for spot, call in reading.calls("split_between_processes"):
        if call.args and isinstance(call.args[0], ast.List):
            count = len(call.args[0].elts)
            if ranks > count:
                yield (
                    f"{spot.where}: has {count} inputs to deal, and {ranks - count} of {ranks} "
                    f"ranks would get none (IndexError). Fix: `--ranks {count}`"
                )
