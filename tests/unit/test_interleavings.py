"""Streams are cut anywhere and mixed in any order: what is read out of them stays the same."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from clusterkit.engines.transformers import Transformers
from clusterkit.events import Event, RankAnswer
from clusterkit.model.engine import EngineSettings
from clusterkit.payloads.job_protocol import LineSplitter
from clusterkit.transports.lines import Lines
from clusterkit.transports.pid_line import PidLine
from clusterkit.use_cases.heard import Heard

LINE = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=12)
STREAM = st.lists(LINE, max_size=8).map(lambda lines: "".join(f"{line}\n" for line in lines))


@st.composite
def pieces(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """``data``, cut anywhere, also within a letter."""
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(data) - 1)), max_size=6)))
    ends = [0, *(cut for cut in cuts if cut < len(data)), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(ends) if a < b]


@st.composite
def mixed(draw: st.DrawFn, *queues: list[Any]) -> list[Any]:
    """The items of all queues; the order within each stays."""
    left = [list(queue) for queue in queues]
    order: list[Any] = []
    while some := [queue for queue in left if queue]:
        order.append(draw(st.sampled_from(some)).pop(0))
    return order


@given(st.data(), STREAM, STREAM)
def test_two_streams_of_one_program(data, out, err):
    cut = {
        name: data.draw(pieces(text.encode())) for name, text in (("stdout", out), ("stderr", err))
    }
    queues = [[(name, piece) for piece in found] + [(name, b"")] for name, found in cut.items()]
    seen: dict[str, list[str]] = {"stdout": [], "stderr": []}
    lines = Lines(lambda stream, line: seen[stream].append(line))

    for stream, piece in data.draw(mixed(*queues)):
        lines.take(stream, piece)

    assert seen == {"stdout": out.split("\n")[:-1], "stderr": err.split("\n")[:-1]}


@given(st.data(), STREAM, STREAM)
def test_the_line_with_the_pid_is_found_wherever_it_is_cut(data, out, err):
    whole = b"a shell's own\nclusterkit 4711\n" + out.encode()
    queues = [
        [("stdout", piece) for piece in data.draw(pieces(whole))] + [("stdout", b"")],
        [("stderr", piece) for piece in data.draw(pieces(err.encode()))] + [("stderr", b"")],
    ]
    seen = {"stdout": b"", "stderr": b""}

    def take(stream: str, piece: bytes) -> None:
        seen[stream] += piece

    line = PidLine(take)
    for stream, piece in data.draw(mixed(*queues)):
        line.take(stream, piece)

    assert (line.pid, seen) == (4711, {"stdout": out.encode(), "stderr": err.encode()})


@given(st.data(), st.lists(STREAM, min_size=2, max_size=4))
def test_the_output_of_many_ranks(data, streams):
    splitters = [LineSplitter(1 << 20) for _ in streams]
    queues = [
        [(rank, piece) for piece in data.draw(pieces(text.encode()))]
        for rank, text in enumerate(streams)
    ]
    seen: list[list[bytes]] = [[] for _ in streams]

    for rank, piece in data.draw(mixed(*queues)):
        seen[rank] += splitters[rank].feed(piece)

    assert seen == [text.encode().split(b"\n")[:-1] for text in streams]
    assert [splitter.end() for splitter in splitters] == [[] for _ in streams]


@settings(max_examples=50)
@given(st.data(), st.integers(1, 3), st.integers(1, 3))
def test_what_ranks_tell_is_gathered_alike_in_any_order(data, ranks, prompts):
    told = [_told(rank, prompts) for rank in range(ranks)]
    in_order = [row for rows in told for row in rows]

    one, other = (_heard(rows) for rows in (in_order, data.draw(mixed(*told))))

    assert one == other
    assert len(one["_ready"]) == ranks
    assert [one["_completions"][n].text for n in range(prompts)] == [
        f"answer {n}" for n in range(prompts)
    ]


def _told(rank: int, prompts: int) -> list[tuple[int, dict[str, Any]]]:
    """What one rank of ours tells; the first also tells the answers."""
    ready = {"device": "cpu", "load_s": 1.0, "memory_bytes": 1, "parameters": 2, "dtype": "f"}
    rows: list[dict[str, Any]] = [{"event": "ready", **ready}]
    if rank == 0:
        for prompt in range(prompts):
            rows.append({"event": "token", "prompt": prompt, "text": "answer"})
            answer = {"prompt": prompt, "prompt_text": "?", "text": f"answer {prompt}"}
            rows.append({"event": "answer", **answer})
        rows.append({"event": "done", "versions": {"torch": "2"}})
    return [(rank, row) for row in [*rows, {"event": "peak", "memory_bytes": rank}]]


def _heard(rows: list[tuple[int, dict[str, Any]]]) -> dict[str, Any]:
    seen: list[Event] = []
    heard = Heard(Transformers(EngineSettings()).parse, seen.append)
    for rank, row in rows:
        heard(RankAnswer(rank, row))
    kept = ("_ready", "_completions", "_peaks", "_versions", "_errors", "_dtype")
    return {name: getattr(heard, name) for name in kept}
