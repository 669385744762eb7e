"""Why a job ended, in words."""

from __future__ import annotations

from typing import Any

from clusterkit.payloads.processes import signal_name


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


def misplaced(hello: dict[str, Any], node: str, planned: dict[str, Any] | None, size: int) -> str:
    """A rank is not where it was placed."""
    where = f"{planned['node']}, local rank {planned['local_rank']}" if planned else "nowhere"
    return (
        f"mpirun put rank {hello['rank']} of {hello['size']} on {node}, local rank "
        f"{hello['local_rank']}; planned: {where}, of {size}"
    )
