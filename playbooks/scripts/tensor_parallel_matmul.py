"""Y = XW over the ranks of an MPI job, split by W's columns and by its rows, and what that moves.

Column-wise, rank r has the columns W_r: it needs all of X, and X W_r are columns of Y, which an
all-gather puts side by side. Row-wise, it has the rows W_r and the columns X_r that meet them:
X_r W_r is as large as Y, and an all-reduce adds them up. Needs numpy and mpi4py; run by

    clusterkit run playbooks/scripts/tensor_parallel_matmul.py --rows 256
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the ranks of a node share its cores

import numpy as np
from mpi4py import MPI

WORLD = MPI.COMM_WORLD
RANK, RANKS = WORLD.Get_rank(), WORLD.Get_size()
TOLERANCE = 1e-9  # of float64, relative to the largest element

Array = np.ndarray
Step = tuple[str, str, "float | None", float]
"""Name, what of, bytes that all ranks receive together (None: it moves nothing), seconds."""


def main() -> None:
    """Multiply in three ways, compare, and print what each collective moved."""
    words = parse()
    random = np.random.default_rng(words.seed)  # the same numbers on every rank
    x = random.standard_normal((words.rows, words.inner))
    w = random.standard_normal((words.inner, words.columns))
    alone, alone_s = timed(lambda: x @ w, words.repeat)
    splits = {
        "column-wise": by_columns(x, w, words.repeat),
        "row-wise": by_rows(x, w, words.repeat),
    }

    off = {name: WORLD.allreduce(error(y, alone), MPI.MAX) for name, (y, _) in splits.items()}
    nodes = len(set(WORLD.allgather(MPI.Get_processor_name())))
    if RANK == 0:
        print(f"X {shape(x)}, W {shape(w)}, Y {shape(alone)}; {RANKS} ranks on {nodes} nodes")
        print(f"W is {amount(w.nbytes)}; each rank has {amount(w.nbytes / RANKS)} of it")
        print(f"{'split':<12} {'step':<11} {'of':<17} {'moved':>10} {'time':>11}")
        for name, (_, steps) in splits.items():
            for step, of, moved, took_s in steps:
                size = "" if moved is None else amount(moved)
                print(f"{name:<12} {step:<11} {of:<17} {size:>10} {took_s * 1e3:>8.2f} ms")
        print(f"{'alone':<12} {'multiply':<11} {'X W':<17} {'':>10} {alone_s * 1e3:>8.2f} ms")
        for name, worst in off.items():
            verdict = "the same as alone" if worst <= TOLERANCE else "WRONG"
            print(f"{name}: {verdict} on every rank, largest difference {worst:.1e}")
    if max(off.values()) > TOLERANCE:
        sys.exit(1)


def by_columns(x: Array, w: Array, repeat: int) -> tuple[Array, list[Step]]:
    """The whole Y, on every rank, and the steps to it."""
    mine = np.ascontiguousarray(part(w, axis=1))
    whole = np.array(x)
    _, sent_s = timed(lambda: WORLD.Bcast(whole, root=0), repeat)
    # Transposed, what a rank has lies in one piece, and so do the parts of all in the result.
    columns, multiplied_s = timed(lambda: mine.T @ whole.T, repeat)
    y = np.empty((w.shape[1], x.shape[0]))
    counts = [size * x.shape[0] for size in sizes(w.shape[1])]
    _, gathered_s = timed(lambda: WORLD.Allgatherv(columns, [y, counts]), repeat)
    return y.T, [
        ("broadcast", "X", (RANKS - 1) * x.nbytes, sent_s),
        ("multiply", "X W_r", None, multiplied_s),
        ("all-gather", "the columns of Y", (RANKS - 1) * y.nbytes, gathered_s),
    ]


def by_rows(x: Array, w: Array, repeat: int) -> tuple[Array, list[Step]]:
    """As :func:`by_columns`."""
    mine = np.ascontiguousarray(part(w, axis=0))
    theirs = np.empty((mine.shape[0], x.shape[0]))
    source = np.ascontiguousarray(x.T)
    counts = [size * x.shape[0] for size in sizes(x.shape[1])]
    _, sent_s = timed(lambda: WORLD.Scatterv([source, counts], theirs, root=0), repeat)
    share, multiplied_s = timed(lambda: theirs.T @ mine, repeat)
    y = np.empty_like(share)
    _, added_s = timed(lambda: WORLD.Allreduce(share, y, MPI.SUM), repeat)
    return y, [
        ("scatter", "the columns of X", x.nbytes - part(x, axis=1, rank=0).nbytes, sent_s),
        ("multiply", "X_r W_r", None, multiplied_s),
        # No way to add up moves less: all but one part of each sum to it, and the sum back.
        ("all-reduce", "the shares of Y", 2 * (RANKS - 1) * y.nbytes, added_s),
    ]


def parse() -> argparse.Namespace:
    """What the script is given."""
    parser = argparse.ArgumentParser(description="Y = XW over the ranks of an MPI job.")
    for name, size, text in (
        ("rows", 256, "of X"),
        ("inner", 2048, "columns of X, rows of W"),
        ("columns", 2048, "of W"),
        ("repeat", 5, "times; the median counts"),
        ("seed", 0, "of the numbers"),
    ):
        parser.add_argument(f"--{name}", type=int, default=size, help=text)
    words = parser.parse_args()
    if min(words.inner, words.columns) < RANKS or min(words.rows, words.repeat) < 1:
        parser.error(f"--inner and --columns must be at least {RANKS}, the number of ranks")
    return words


def part(array: Array, *, axis: int, rank: int = RANK) -> Array:
    """What a rank has of an array that is split along ``axis``."""
    return np.array_split(array, RANKS, axis=axis)[rank]


def sizes(length: int) -> list[int]:
    """How many rows or columns each rank has; they need not divide evenly."""
    return [len(each) for each in np.array_split(np.arange(length), RANKS)]


def timed(step: Callable[[], Any], repeat: int) -> tuple[Any, float]:
    """What a step returns, and the median of its seconds; each time, the slowest rank's count."""
    took = []
    for _ in range(repeat):
        WORLD.Barrier()
        began = time.perf_counter()
        result = step()
        took.append(WORLD.allreduce(time.perf_counter() - began, MPI.MAX))
    return result, statistics.median(took)


def error(y: Array, expected: Array) -> float:
    """The largest difference, relative to the largest element."""
    return float(np.abs(y - expected).max() / np.abs(expected).max())


def shape(array: Array) -> str:
    """``256 x 2048``."""
    return " x ".join(map(str, array.shape))


def amount(size_bytes: float) -> str:
    """Bytes as people read them."""
    mib, kib = size_bytes / (1 << 20), size_bytes / (1 << 10)
    return f"{mib:.1f} MiB" if mib >= 1 else f"{kib:.1f} KiB"


if __name__ == "__main__":
    main()
