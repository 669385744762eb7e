"""Why a job ended, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from clusterkit.payloads.processes import signal_name

REFUSAL = "An invalid value was given for"
_REFUSED = re.compile(
    rf"{REFUSAL} (\S+?)\. .*?Local host: +(\S+) +Value: +(\S.*?) +Message: +([^-]*[^- ])"
)


def how_code(code: int) -> str:
    """``exited with 3`` or ``was ended by SIGKILL``; ended by signal N is -N."""
    name = signal_name(code)
    return f"exited with {code}" if name is None else f"was ended by {name}"


def rank_ended(rank: dict[str, Any], last_lines: list[str]) -> str:
    """A rank's end, and the last that it wrote."""
    if rank["signal"]:
        how = f"was ended by {rank['signal']}"
    elif rank["exit_code"] is None:
        how = "ended without a word: its wrapper was killed"
    else:
        how = f"exited with {rank['exit_code']}"
    return "\n".join([f"rank {rank['rank']} on {rank['node']} {how}", *last_lines])


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
