"""Errors of NVIDIA GPUs, from the lines that their driver writes to the kernel log ("Xid").

The numbers and what they mean: https://docs.nvidia.com/deploy/xid-errors/
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import NamedTuple

from clusterkit.payloads.processes import read

_KERNEL_LOG = "/dev/kmsg"
_XID = re.compile(
    r"NVRM: Xid \((?:PCI:)?(?P<pci>[0-9a-fA-F:.]+)\): (?P<number>\d+)(?:, (?P<words>.*))?"
)
_PID = re.compile(r"\bpid='?(\d+)")
_MEANINGS = {
    8: "the GPU stopped processing",
    13: "an exception in the graphics engine: a program accessed memory wrongly, or it is faulty",
    31: "a page fault: a program used an address on the GPU that is not its own",
    32: "invalid or corrupted commands in the push buffer",
    43: "the GPU stopped processing because of a fault of the program",
    45: "work of a program was taken away, after another error or because the program ended",
    48: "a double bit ECC error: memory of the GPU is damaged",
    61: "an internal microcontroller breakpoint: the GPU needs a reset",
    62: "an internal microcontroller halt: the GPU needs a reset",
    63: "a faulty row of memory was recorded for remapping: the GPU needs a reset",
    64: "a faulty row of memory could not be remapped: replace the GPU",
    68: "an exception in the video decoder",
    69: "an exception in the graphics engine class",
    74: "an error of NVLink: see `nvidia-smi nvlink -e`",
    79: "the GPU has fallen off the bus: power, heat or its slot",
    92: "a high rate of single bit ECC errors",
    94: "a contained memory error: only the program that met it ends",
    95: "an uncontained memory error: the GPU needs a reset",
    119: "the GPU's system processor (GSP) did not answer: the GPU needs a reset",
    120: "an error of the GPU's system processor (GSP)",
    121: "a corrected error of the chip-to-chip link",
    140: "an uncorrected ECC error that was met in an unknown place: the GPU needs a reset",
}


class Xid(NamedTuple):
    """One error: which GPU, which number, the driver's words, and whose work it was."""

    pci: str
    number: int
    words: str
    pid: int | None


def xids(lines: list[str]) -> list[Xid]:
    """The errors among lines of the kernel log."""
    found = []
    for line in lines:
        if match := _XID.search(line):
            words = match["words"] or ""
            pid = _PID.search(words)
            found.append(
                Xid(
                    match["pci"].lower(), int(match["number"]), words, int(pid[1]) if pid else None
                )
            )
    return found


def meaning(number: int) -> str:
    """What NVIDIA says of a number, in short."""
    return _MEANINGS.get(number, "see https://docs.nvidia.com/deploy/xid-errors/")


def device_of(pci: str, folder: str = "/proc/driver/nvidia/gpus") -> str | None:
    """The device file of the GPU at a PCI address, such as ``/dev/nvidia3``; None: not known."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 - pathlib costs its start 10 ms
            if name.lower().startswith(pci):
                text = read(f"{folder}/{name}/information").decode(errors="replace")
                if minor := re.search(r"^Device Minor:\s+(\d+)", text, re.MULTILINE):
                    return f"/dev/nvidia{minor[1]}"
    return None


class KernelLog:
    """The kernel log from now on; of a node that does not let us read it: nothing."""

    def __init__(self, path: str = _KERNEL_LOG) -> None:
        self._fd: int | None = None
        with contextlib.suppress(OSError):
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            os.lseek(self._fd, 0, os.SEEK_END)

    def lines(self) -> list[str]:
        """What was added since the last call."""
        found: list[str] = []
        while self._fd is not None:
            try:
                record = os.read(self._fd, 1 << 13)  # one record at a time
            except BrokenPipeError:  # records were overwritten before we read them
                continue
            except OSError:
                break
            if not record:
                break
            found += record.decode(errors="replace").splitlines()
        return found
