"""``infer`` after it ended: answers and the one-line summary."""

from __future__ import annotations

from rich.text import Text

from clusterkit.quantities import counted, duration
from clusterkit.report.folding import fold
from clusterkit.report.tables import FAINT, Block, Blocks
from clusterkit.results.infer import UNKNOWN_DEVICE, InferResult

_RANKS_NAMED = 4
"""Up to this many ranks, the summary names each one's device."""


def infer_text(result: InferResult, *, wide: bool = False) -> Blocks:
    """The answers; of several, each below its prompt."""
    del wide
    if len(result.answers) == 1:
        return [result.answers[0].text]
    blocks: list[Block] = []
    for answer in result.answers:
        blocks += [prompt_header(answer.prompt), answer.text, ""]
    return blocks[:-1]


def prompt_header(prompt: str) -> str:
    """The prompt as a quotation: ``> `` before each line."""
    return "\n".join(f"> {line}" for line in prompt.splitlines() or [""])


def summary_text(result: InferResult) -> Text:
    """Ranks, split, tokens and times in one line, for stderr."""
    sizes = {"dp": result.dp, "tp": result.tp, "pp": result.pp}
    split = [f"{name}={size}" for name, size in sizes.items() if size > 1]
    counts = [answer.completion_tokens for answer in result.answers]
    parts = [f"{counted(len(result.ranks), 'rank')} ({_places(result)})"]
    parts += [" ".join(split)] if split else []
    if None not in counts:  # else the engine does not tell
        tokens = sum(count or 0 for count in counts)
        parts.append(f"{counted(tokens, 'token')} in {duration(_generating_s(result))}")
    if result.answers and (first_s := result.answers[0].first_token_s) is not None:
        parts.append(f"first after {duration(first_s)}")
    if result.load_s is not None:
        compiling = _compiling(result)
        of_it = f", of it compiling {compiling}" if compiling else ""
        parts.append(f"load {duration(result.load_s)}{of_it}")
    if result.collectives is not None:
        parts.append(f"collectives by {result.collectives}")
    return Text(" · ".join(parts), FAINT)


def _places(result: InferResult) -> str:
    if len(result.ranks) <= _RANKS_NAMED:
        return ", ".join(
            rank.node if rank.device == UNKNOWN_DEVICE else f"{rank.node} {rank.device}"
            for rank in result.ranks
        )
    return fold(rank.node for rank in result.ranks)


def _compiling(result: InferResult) -> str:
    """How long each rank compiled; of many, the fastest and the slowest."""
    times = [rank.compile_s for rank in result.ranks if rank.compile_s is not None]
    if len(times) > _RANKS_NAMED:
        times = [min(times), max(times)]
        return " to ".join(map(duration, times))
    return ", ".join(map(duration, times))


def _generating_s(result: InferResult) -> float:
    """Seconds from each prompt to its last token, added up.

    Replicas answer side by side, and each its prompts in batches: the slowest of them counts.
    """
    times = [
        (answer.first_token_s or 0)
        + (answer.token_s or 0) * max((answer.completion_tokens or 0) - 1, 0)
        for answer in result.answers
    ]
    return max(
        sum(max(batch) for batch in _batches(times[replica :: result.dp], result.batch))
        for replica in range(result.dp)
    )


def _batches(times: list[float], size: int) -> list[list[float]]:
    """``times`` in groups of ``size``; the last may be smaller."""
    return [times[first : first + size] for first in range(0, len(times), size)]
