"""What befell a node while its ranks ran: kills for lack of memory, and errors of its GPUs."""

from __future__ import annotations

from typing import Any

from clusterkit.payloads.gpu_errors import KernelLog, device_of, xids
from clusterkit.payloads.memory_kills import memory_now


class NodeFaults:
    """Counts from its start on."""

    def __init__(self) -> None:
        self._kills = memory_now().kills
        self._log = KernelLog()
        self._lines: list[str] = []

    def so_far(self) -> dict[str, Any]:
        """``memory`` if something was killed, ``gpus`` if they logged errors; else nothing."""
        found: dict[str, Any] = {}
        memory = memory_now()
        if memory.kills > self._kills:
            found["memory"] = {"limit_bytes": memory.limit_bytes}
        self._lines += self._log.lines()
        if errors := xids(self._lines):
            found["gpus"] = [{**e._asdict(), "device": device_of(e.pci)} for e in errors]
        return found
