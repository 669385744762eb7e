"""What nvidia-smi says of the processes on GPUs."""

from __future__ import annotations

from clusterkit.payloads.gpu_memory import compute_apps

_REAL = """\
12345, 40960, GPU-8f9d0c5e-7c2a-4bb7-9a57-0d8a5b2b1f11
12345, 1024, GPU-1a2b3c4d-0000-4bb7-9a57-0d8a5b2b1f11
777, [N/A], GPU-8f9d0c5e-7c2a-4bb7-9a57-0d8a5b2b1f11
"""


def test_memory_is_added_up_over_gpus():
    assert compute_apps(_REAL) == {12345: 41984, 777: 0}


def test_what_is_no_row_is_left_out():
    assert compute_apps("") == {}
    assert compute_apps("No running processes found\n") == {}
    assert compute_apps("pid, used_gpu_memory [MiB], gpu_uuid\n1, 12 MiB, GPU-x\n") == {1: 12}
