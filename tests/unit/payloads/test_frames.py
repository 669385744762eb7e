"""Where a program hangs, read from what py-spy 0.4 and Python 3.9 to 3.14 write."""

from __future__ import annotations

import pytest

from clusterkit.payloads.frames import innermost

PY_SPY = """\
Process 18898: /opt/clusterkit/bin/python train.py
Python v3.11.7 (/root/.pyenv/versions/3.11.7/bin/python3.11)

Thread 18899 (idle): "Thread-1 (watch)"
    wait (threading.py:331)
    watch (train.py:3)
Thread 18898 (active): "MainThread"
    all_reduce (torch/distributed/distributed_c10d.py:2806)
    wrapper (torch/distributed/c10d_logger.py:81)
    step (train.py:12)
    main (train.py:20)
    <module> (train.py:22)
"""
NO_NAMES = """\
Thread 18898 (idle)
    deep (hang.py:4)
    <module> (hang.py:8)
"""
FAULTHANDLER = """\
before it hung
Fatal Python error: Aborted

Thread 0x00007f8e1b7fe6c0 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 331 in wait
  File "train.py", line 3 in watch

Current thread 0x00007f8e20a4e740 (most recent call first):
  File "/srv/train.py", line 12 in step
  File "/srv/train.py", line 22 in <module>

Extension modules: numpy.core._multiarray_umath, torch._C (total: 2)
"""
NAMED = """\
Fatal Python error: Aborted

Current thread 0x00007f8e20a4e740 [python] (most recent call first):
  File "/srv/train.py", line 12 in Model.step
"""
ONE_IN_ANOTHER = """\
Fatal Python error: Aborted

Current thread 0x00007f8e20a4e740 (most recent call first):
  File "/home/payload-1/rank_child.py", line 88 in _follow
  File "/home/payload-1/trtllm_run.py", line 40 in main
Fatal Python error: Aborted

Current thread 0x00007f8e20a4e741 (most recent call first):
  File "/srv/run.py", line 7 in generate
"""


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        (
            PY_SPY,
            (
                "all_reduce (distributed_c10d.py:2806)",
                "wrapper (c10d_logger.py:81)",
                "step (train.py:12)",
            ),
        ),
        (NO_NAMES, ("deep (hang.py:4)", "<module> (hang.py:8)")),
        (FAULTHANDLER, ("step (train.py:12)", "<module> (train.py:22)")),
        (NAMED, ("Model.step (train.py:12)",)),
        (ONE_IN_ANOTHER, ("generate (run.py:7)",)),
        ("loss 0.3\n    indented (as:1)\n", ()),
        ("", ()),
    ],
    ids=["py-spy", "py-spy-no-names", "faulthandler", "3.14", "a-wrapper", "output", "nothing"],
)
def test_innermost(text: str, frames: tuple[str, ...]) -> None:
    assert innermost(text.splitlines()) == frames
