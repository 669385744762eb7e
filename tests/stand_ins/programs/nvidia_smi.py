"""Stand-in of nvidia-smi: answers ``--query-gpu=… --format=csv,noheader[,nounits]``.

Follows what NVIDIA documents of the queries that are asked here; any other field is refused as
nvidia-smi refuses one: ``Field "x" is not a valid field to query.``
"""

from __future__ import annotations

import re
import sys
import uuid

from tests.stand_ins.programs.gpus import Gpus, gpus

_DRIVER, _CUDA = "570.133.20", "12.8"


def main() -> None:
    """Answer one query; without any, print the head of the table."""
    have = gpus()
    words = sys.argv[1:]
    if not words:
        print(f"| NVIDIA-SMI {_DRIVER}   Driver Version: {_DRIVER}   CUDA Version: {_CUDA} |")
        return
    if words == ["-L"]:
        for index in range(have.count):
            print(f"GPU {index}: {have.name} (UUID: {_uuid(index)})")
        return
    asked = dict(re.fullmatch(r"--([a-z-]+)=(.*)", word).groups() for word in words)  # type: ignore[union-attr]
    plain = "nounits" in asked.pop("format").split(",")
    chosen = asked.pop("id", None)
    fields = asked.pop("query-gpu").split(",")
    if asked:
        sys.exit(f"Invalid combination of input arguments: {asked}")
    for index in range(have.count):
        if chosen is None or str(index) in chosen.split(","):
            print(", ".join(_value(field.strip(), index, have, plain=plain) for field in fields))


def _value(field: str, index: int, have: Gpus, *, plain: bool) -> str:
    unit = "" if plain else " MiB"
    values = {
        "index": str(index),
        "uuid": _uuid(index),
        "name": have.name,
        "memory.total": f"{have.memory_mib}{unit}",
        "memory.used": f"0{unit}",
        "memory.free": f"{have.memory_mib}{unit}",
        "driver_version": _DRIVER,
        "compute_cap": have.compute_capability,
        "mig.mode.current": "Disabled",
    }
    if field not in values:
        print(f'Field "{field}" is not a valid field to query.\n')
        sys.exit(2)
    return values[field]


def _uuid(index: int) -> str:
    return f"GPU-{uuid.uuid5(uuid.NAMESPACE_OID, f'{uuid.getnode()} {index}')}"
