"""The shipped demonstration on two containers: right on every rank, and what is said of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.pair import Pair

PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
SCRIPT = PLAYBOOKS / "scripts" / "tensor_parallel_matmul.py"


@pytest.mark.parametrize(
    ("ranks", "sizes", "moved"),
    [
        # X 8 x 64 and Y 8 x 32 of 8 bytes: 3 times 4 KiB, 3 times 2 KiB, 3/4 of 4 KiB, 6 times 2
        (4, (8, 64, 32), ["12.0 KiB", "6.0 KiB", "3.0 KiB", "12.0 KiB"]),
        # what does not divide: 7 x 101 and 7 x 10; rank 0 keeps 34 of 101 columns
        (3, (7, 101, 10), ["11.0 KiB", "1.1 KiB", "3.7 KiB", "2.2 KiB"]),
        (1, (2, 3, 4), ["0.0 KiB"] * 4),
    ],
)
def test_both_splits_are_the_product(
    pair: Pair, ranks: int, sizes: tuple[int, int, int], moved: list[str]
) -> None:
    rows, inner, columns = sizes
    words = ("--rows", rows, "--inner", inner, "--columns", columns, "--repeat", 2)

    done = pair("run", "--ranks", ranks, SCRIPT, *words)

    assert done.returncode == 0, done.stderr
    lines = [line.removeprefix("rank 0   | ") for line in done.stdout.splitlines()]
    assert lines[0] == (
        f"X {rows} x {inner}, W {inner} x {columns}, Y {rows} x {columns}; "
        f"{ranks} ranks on {min(ranks, 2)} nodes"
    )
    steps = [re.sub(r" +[\d.]+ ms$", "", line).rstrip() for line in lines[3:10]]
    assert steps == [
        f"column-wise  broadcast   X                 {moved[0]:>10}",
        "column-wise  multiply    X W_r",
        f"column-wise  all-gather  the columns of Y  {moved[1]:>10}",
        f"row-wise     scatter     the columns of X  {moved[2]:>10}",
        "row-wise     multiply    X_r W_r",
        f"row-wise     all-reduce  the shares of Y   {moved[3]:>10}",
        "alone        multiply    X W",
    ]
    right = r"the same as alone on every rank, largest difference \d\.\de[-+]\d\d"
    assert re.fullmatch(rf"column-wise: {right}\nrow-wise: {right}", "\n".join(lines[10:]))


def test_more_ranks_than_columns_are_refused(pair: Pair) -> None:
    done = pair("run", SCRIPT, "--columns", "3")

    assert done.returncode == 1
    assert "--inner and --columns must be at least 4, the number of ranks" in done.stderr


def test_the_playbook_runs(pair: Pair, tmp_path: Path) -> None:
    """Here on a cluster that others may use: the shipped one makes one of a fixed name."""
    shipped = (PLAYBOOKS / "tensor-parallel-matmul.yaml").read_text()
    steps = re.search(r"(?s)- mpi-hello:.*?(?=- down:)", shipped)
    assert steps is not None
    playbook = tmp_path / "playbook.yaml"
    playbook.write_text(steps[0].replace("script: scripts", f"script: {PLAYBOOKS}/scripts"))

    done = pair("play", playbook)

    assert done.returncode == 0, done.stderr
    assert len(re.findall("the same as alone on every rank", done.stdout)) == 4


def test_torchrun_needs_torch_and_says_where_it_is_not(pair: Pair, tmp_path: Path) -> None:
    script = tmp_path / "a.py"
    script.write_text("print(1)\n")

    done = pair("run", "--launcher", "torchrun", script)

    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "Error: node[1-2]: torchrun is a part of PyTorch, which /opt/clusterkit/bin/python does "
        "not have there.\nFix: install it there, or use `--launcher mpirun`\n",
    )
