"""Lines that are left in a log by a rank that ended without a word of its own."""

from __future__ import annotations

import pytest

from clusterkit.engines.torch_tensorrt.known_errors import explain


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "[rank1]:[E1120] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1)",
            "a rank waited too long for another, which had failed or still compiled. "
            "Fix: see which rank's log ends first",
        ),
        (
            "[TRT] [E] libnccl.so: cannot open shared object file: No such file or directory",
            "TensorRT looks for NCCL by a name that its node does not have. Fix: install "
            "nvidia-nccl-cu12 or -cu13 beside PyTorch there, or collectives: pytorch before 2.12",
        ),
        (
            "Cannot auto-select a group — NCCL bind deferred",
            "TensorRT found several NCCL groups in one process, and took none. "
            "Fix: dp 1, or `backend: inductor`",
        ),
        ("ValueError: 7", None),
    ],
)
def test_known_lines(line: str, said: str | None) -> None:
    assert explain(f"before\n{line}\nafter") == said
