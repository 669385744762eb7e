"""Why a job ended, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from clusterkit.payloads import gpu_errors
from clusterkit.payloads.causes import gpu_error
from clusterkit.payloads.processes import signal_name

_NAMED_NODES = 4
REFUSAL = "An invalid value was given for"
_REFUSED = re.compile(
    rf"{REFUSAL} (\S+?)\. .*?Local host: +(\S+) +Value: +(\S.*?) +Message: +([^-]*[^- ])"
)


def how_code(code: int) -> str:
    """``exited with 3`` or ``was ended by SIGKILL``; ended by signal N is -N."""
    name = signal_name(code)
    return f"exited with {code}" if name is None else f"was ended by {name}"


_MEMORY_FIX = (
    "Fix: give the node more memory, or each rank less to hold: more ranks for one model, a "
    "smaller model or batch"
)


def rank_ended(
    rank: dict[str, Any], last_lines: list[str], faults: Mapping[str, Any] | None = None
) -> str:
    """A rank's end, and the last that it wrote; ``faults`` of its node may have a reason."""
    who = f"rank {rank['rank']} on {rank['node']}"
    faults = faults or {}
    if "memory" in faults:
        return "\n".join([f"{who} {_memory(rank, faults['memory'])}", *last_lines, _MEMORY_FIX])
    if gpu := gpu_error(faults):
        what = f"{who} {_how(rank)}, after an error of its node's GPU {_gpu(gpu)}"
        fix = "Fix: look at the GPU with `nvidia-smi -q` on that node, and at its kernel log"
        return "\n".join([what, *last_lines, fix])
    return "\n".join([f"{who} {_how(rank)}", *last_lines])


def _how(rank: dict[str, Any]) -> str:
    if rank["signal"]:
        return f"was ended by {rank['signal']}"
    if rank["exit_code"] is None:
        return "ended without a word: its wrapper was killed"
    return f"exited with {rank['exit_code']}"


def _memory(rank: dict[str, Any], memory: Mapping[str, Any]) -> str:
    """Killed by the kernel, or failed after the kernel had killed something on its node."""
    limit = memory["limit_bytes"]
    what = "the machine's memory was used up"
    if limit is not None:
        what = f"its memory limit of {size(limit)} was reached"
    if rank["signal"] == "SIGKILL" or rank["exit_code"] == 128 + 9:
        return f"was killed: {what}"
    return f"{_how(rank)}, after a process of its node was killed: {what}"


def size(count: int) -> str:
    """Bytes as ``512 MiB``."""
    number, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if number < 1024 or unit == "TiB":
            break
        number /= 1024
    return f"{number:.4g} {unit}"


def _gpu(gpu: Mapping[str, Any]) -> str:
    """``0000:3b:00 (/dev/nvidia3): Xid 79: the GPU has fallen off the bus …``."""
    device = f" ({gpu['device']})" if gpu.get("device") else ""
    number = gpu["number"]
    return f"{gpu['pci']}{device}: Xid {number}: {gpu_errors.meaning(number)}"


def launcher(node: str, how: str, last_lines: list[str]) -> str:
    """What became of mpirun, and the last that it wrote, without its rulers."""
    return "\n".join(
        [f"mpirun on {node} {how}", *(line for line in last_lines if line.strip("- "))]
    )


def refused(last_lines: list[str], hosts: Mapping[str, str]) -> str | None:
    """What Open MPI calls a warning: on which node it found which setting wrong, and why.

    ``hosts`` maps the nodes' own names to those of the cluster. None: it does not say.
    """
    found = _REFUSED.search(" ".join(line.strip() for line in last_lines))
    if found is None:
        return None
    setting, host, value, why = found.groups()
    return (
        f"{hosts.get(host, host)}: Open MPI cannot use {setting} = {value}, and would go on "
        f"without it: {why}. Fix: correct OMPI_MCA_{setting}, where that node's environment sets "
        "it, or else `network.subnet` in the inventory"
    )


def together(names: list[str], count: int) -> str:
    """Who says the same, of ``count`` nodes: ``every node``, or their names."""
    return "every node" if len(names) == count > 1 else ", ".join(names)


def _few(names: list[str]) -> str:
    """The names, or how many there are."""
    return ", ".join(names) if len(names) <= _NAMED_NODES else f"{len(names)} nodes"


def misplaced(hello: dict[str, Any], node: str, planned: dict[str, Any] | None, size: int) -> str:
    """A rank is not where it was placed."""
    where = f"{planned['node']}, local rank {planned['local_rank']}" if planned else "nowhere"
    return (
        f"mpirun put rank {hello['rank']} of {hello['size']} on {node}, local rank "
        f"{hello['local_rank']}; planned: {where}, of {size}"
    )


def timed_out(limit_s: float, running: list[int]) -> str:
    """The job took too long, and who was not done."""
    return f"ended after its time limit of {limit_s:g} s; {ranks(running)} still ran"


def stalled(
    limit_s: float,
    hanging: Mapping[int, Sequence[str]],
    late: Sequence[str],
    nodes: Mapping[int, str],
) -> str:
    """No rank made progress; where each hangs, those together that hang in the same place.

    ``hanging`` maps a rank to its innermost frames, or to why there are none; ``nodes`` to its
    node.
    """
    places: dict[tuple[str, ...], list[int]] = {}
    for rank, frames in hanging.items():
        places.setdefault(tuple(frames), []).append(rank)
    lines = [f"no rank wrote anything for {limit_s:g} s, so the job was ended as stalled"]
    for frames, numbers in sorted(places.items(), key=lambda place: (len(place[1]), place[1])):
        where = list(dict.fromkeys(nodes[number] for number in sorted(numbers)))
        lines.append(f"{ranks(numbers)} on {_few(where)}: {' < '.join(frames)}")
    lines += [f"{node}: its agent gave no traces in time" for node in late]
    return "\n".join(lines)


def not_started(head: str, missing: list[int], limit_s: float, subnet: str | None) -> str:
    """Mpirun hangs before its ranks; ``subnet`` is given when no rank has come at all."""
    message = f"mpirun on {head} had not started {ranks(missing)} after {limit_s:g} s"
    if subnet is None:
        return message
    return (
        f"{message}. Its daemon on every node must reach {head} by TCP, at any port, within "
        f"{subnet}. Fix: let such connections through the nodes' firewalls"
    )


def ranks(numbers: list[int]) -> str:
    """``rank 3``, or ``ranks 0-2, 5``."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    words = [str(first) if first == last else f"{first}-{last}" for first, last in spans]
    return f"rank{'s' if len(numbers) > 1 else ''} {', '.join(words)}"
