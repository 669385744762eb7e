"""torch.cuda on pretended GPUs; the error is PyTorch's for a device that is not there."""

from __future__ import annotations

import stand_in_machine as machine


def is_available() -> bool:
    return machine.device_count() > 0


def device_count() -> int:
    return machine.device_count()


def set_device(device: int) -> None:
    if not machine.take(device):
        raise RuntimeError(
            "CUDA error: invalid device ordinal\n"
            "CUDA kernel errors might be asynchronously reported at some other API call, so the "
            "stacktrace below might be incorrect."
        )


def current_device() -> int:
    return machine.current or 0
