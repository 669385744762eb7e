"""The cause of a job's end as a value: what `jobs` lists, and what programs decide by."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Dict, Optional  # noqa: UP035 - see Cause

Cause = Optional[Dict[str, Any]]  # noqa: UP006, UP045 - evaluated, on Python 3.8 too
"""Its kind and where it was; None where there is none, as for a job that is done."""


# Xids that tell what the driver cleaned up, counted or corrected: no program fails by them.
_HARMLESS = (45, 63, 92, 121)


def cause(
    kind: str,
    *,
    node: str | None = None,
    rank: int | None = None,
    exit_code: int | None = None,
    signal: str | None = None,
) -> Dict[str, Any]:  # noqa: UP006 - see Cause
    """A cause with all its fields."""
    return {"kind": kind, "node": node, "rank": rank, "exit_code": exit_code, "signal": signal}


def of_rank(rank: Mapping[str, Any], kind: str | None = None) -> Dict[str, Any]:  # noqa: UP006
    """The end of a rank: by exit code or signal, unless its ``kind`` is known to be another."""
    if kind is None:
        kind = "signal" if rank["signal"] else "exit-code"
        if rank["signal"] is rank["exit_code"] is None:
            kind = "wrapper"
    where = {key: rank[key] for key in ("node", "rank", "exit_code", "signal")}
    return cause(kind, **where)


def kind_of_fault(faults: Mapping[str, Any]) -> str | None:
    """The kind that explains why a rank of a node failed, if something befell the node."""
    if "memory" in faults:
        return "out-of-memory"
    return "gpu-error" if gpu_error(faults) else None


def gpu_error(faults: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The first error of a GPU that can make a program fail; None: there is none."""
    found = (gpu for gpu in faults.get("gpus", ()) if gpu["number"] not in _HARMLESS)
    return next(found, None)


def of_code(kind: str, node: str, code: int, name: str | None) -> Dict[str, Any]:  # noqa: UP006
    """The end of a part of ours on a node; ``name`` is that of the signal, where there was one."""
    return cause(kind, node=node, exit_code=code if name is None else None, signal=name)


def refusal(error: Exception) -> str:
    """Why a job cannot begin; of the system's errors, with the place: a file, or where we are."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or os.getcwd()}: {error.strerror}"  # noqa: PTH109
    return str(error)
