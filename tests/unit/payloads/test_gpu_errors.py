"""Lines of NVIDIA's driver as kernel logs have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.payloads.gpu_errors import KernelLog, Xid, device_of, meaning, xids

FALLEN = "NVRM: Xid (PCI:0000:44:00): 79, GPU has fallen off the bus."
FALLEN_WITH_PID = (
    "4,1190,93021122,-;NVRM: Xid (PCI:0000:3B:00): 79, pid='<unknown>', name=<unknown>, "
    "GPU has fallen off the bus."
)
FAULT = (
    "[ 1234.5678] NVRM: Xid (PCI:0000:01:00): 31, pid=2815, name=python, Ch 00000010, intr "
    "00000000. MMU Fault: ENGINE GRAPHICS GPCCLIENT_T1_0 faulted @ 0x7f57_2c000000. Fault is of "
    "type FAULT_PDE ACCESS_TYPE_VIRT_READ"
)
# Of an H200 with driver 580.159.04, after a kernel wrote to an address that is nobody's.
H200 = (
    "4,360,56167642,c;NVRM: Xid (PCI:0000:00:06): 31, pid=483, name=python3, channel 0x0000000a, "
    "intr 00000000. MMU Fault: ENGINE GRAPHICS GPC1 GPCCLIENT_T1_8 faulted @ 0x7f00_00000000. "
    "Fault is of type FAULT_PDE ACCESS_TYPE_VIRT_WRITE"
)
QUOTED = "NVRM: Xid (PCI:0000:c1:00): 94, pid='4711', name=python, Contained: SM (0x1). RST: No"
OLD = "NVRM: Xid (0000:03:00): 14, Channel 00000001"
BARE = "NVRM: Xid (PCI:0000:03:00): 62"


@pytest.mark.parametrize(
    ("line", "gpu", "number", "pid"),
    [
        (FALLEN, "0000:44:00", 79, None),
        (FALLEN_WITH_PID, "0000:3b:00", 79, None),
        (FAULT, "0000:01:00", 31, 2815),
        (H200, "0000:00:06", 31, 483),
        (QUOTED, "0000:c1:00", 94, 4711),
        (OLD, "0000:03:00", 14, None),
        (BARE, "0000:03:00", 62, None),
    ],
)
def test_an_error_is_read(line: str, gpu: str, number: int, pid: int | None) -> None:
    (found,) = xids(["usb 1-1: new device", line, "NVRM: loading NVIDIA UNIX Open Kernel Module"])
    assert (found.pci, found.number, found.pid) == (gpu, number, pid)


def test_the_drivers_words_are_kept() -> None:
    assert xids([FALLEN]) == [Xid("0000:44:00", 79, "GPU has fallen off the bus.", None)]
    assert xids([BARE]) == [Xid("0000:03:00", 62, "", None)]


def test_every_number_has_a_meaning_or_a_source() -> None:
    assert meaning(79).startswith("the GPU has fallen off the bus")
    assert meaning(4711) == "see https://docs.nvidia.com/deploy/xid-errors/"


def test_the_device_of_a_gpu(tmp_path: Path) -> None:
    for pci, minor in (("0000:3b:00.0", 3), ("0000:44:00.0", 4)):
        (tmp_path / pci).mkdir()
        text = f"Model: \t\t NVIDIA H200\nIRQ:   \t\t 137\nDevice Minor: \t {minor}\n"
        (tmp_path / pci / "information").write_text(text)

    assert device_of("0000:44:00", str(tmp_path)) == "/dev/nvidia4"
    assert device_of("0000:99:00", str(tmp_path)) is None
    assert device_of("0000:44:00", str(tmp_path / "absent")) is None


def test_the_log_begins_now(tmp_path: Path) -> None:
    log = tmp_path / "kmsg"
    log.write_text("before\n")
    kernel = KernelLog(str(log))
    with log.open("a") as file:
        file.write(FALLEN + "\n")

    assert kernel.lines() == [FALLEN]
    assert kernel.lines() == []
    assert KernelLog(str(tmp_path / "closed to us")).lines() == []
