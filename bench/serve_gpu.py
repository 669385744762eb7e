"""`python -m bench.serve_gpu [WHAT…]`: how near decoding on GPUs comes to the memory's speed.

WHAT: eager-1 compiled-1 eager-2 compiled-2 (so many GPUs), 70b; without, all but 70b.
Writes an 8B model, or one of 70B, of random weights below SERVE_GPU_FOLDER, which is best in
memory; default: the folder for temporary files.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_BATCHES = [1, 8, 32, 64]
_BYTES_PER_S = 4.3e12
"""Of an H200, as its own copies reach it."""
_WITHIN_S = 330.0


def main(wanted: list[str]) -> None:
    """Run what is wanted, one after the other, and print a table."""
    folder = Path(tempfile.mkdtemp(dir=os.environ.get("SERVE_GPU_FOLDER")))
    rows: list[str] = []
    try:
        if small := [name for name in wanted if name != "70b"]:
            _write(folder / "8b", "8b")
            for name in small:
                rows += _tried(name, folder / "8b", name)
            rows += [
                _apart(folder / f"{small[0]}.pt", folder / f"{name}.pt") for name in small[1:]
            ]
            shutil.rmtree(folder / "8b")
        if "70b" in wanted:
            _write(folder / "70b", "70b")
            how = {"batches": [1], "slots": 4, "new_tokens": 16}
            rows += _tried("70B eager-2", folder / "70b", "eager-2", **how)
    finally:
        shutil.rmtree(folder)
    head = "| what | batch | ms a token | tokens/s | of the floor | first token | load | warm-up |"
    print("\n".join([head, "|" + "---|" * 8, *rows]))


def _tried(what: str, model: Path, name: str, **how: Any) -> list[str]:
    """Lines of a table; one failure does not take the figures of all others."""
    try:
        return _lines(what, measure(model, name, **how))
    except RuntimeError as error:
        return [f"| {what} | {error} |"]


def _apart(one: Path, other: Path) -> str:
    """How far the logits of two runs are apart: after a prompt, and after a token more."""
    import torch

    if not (one.exists() and other.exists()):
        return f"{other.stem}: no logits"
    shares = [
        float((ours - theirs).pow(2).mean().sqrt() / theirs.std())
        for ours, theirs in zip(torch.load(other), torch.load(one), strict=True)
    ]
    return f"{other.stem}, rms of the difference to {one.stem}: " + ", ".join(
        f"{share:.1%} of the spread" for share in shares
    )


def measure(model: Path, name: str, **how: Any) -> dict[str, Any]:
    """What rank 0 tells; ``name`` is eager or compiled, and how many GPUs."""
    mode, _, tp = name.partition("-")
    request = {
        "model": str(model),
        "tp": int(tp),
        "pp": 1,
        "dtype": "auto",
        "compile": "auto" if mode == "compiled" else "off",
        "slots": 64,
        "capacity": 2048,
        "batches": _BATCHES,
        "prompt_tokens": 128,
        "new_tokens": 64 if mode == "compiled" else 16,
        "logits": str(model.parent / f"{name}.pt"),
        **how,
    }
    started = time.monotonic()
    result = run_ranks(request)
    print(
        f"{datetime.now(UTC):%Y-%m-%d} {name}: {time.monotonic() - started:.0f} s",
        json.dumps(result),
        flush=True,
    )
    return result


def run_ranks(request: dict[str, Any]) -> dict[str, Any]:
    """Start one process for each GPU; what rank 0 tells.

    Raises:
        RuntimeError: If one of them failed.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ranks = []
    for rank in range(request["tp"]):
        env = os.environ | {
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(request["tp"]),
            "LOCAL_WORLD_SIZE": str(request["tp"]),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "NCCL_SOCKET_IFNAME": "=lo",
            "CLUSTERKIT_EVENTS_FD": "2",
        }
        argv = [sys.executable, "-m", "bench.serve_gpu_rank", json.dumps(request)]
        ranks.append(subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True))
    _wait(ranks)
    assert ranks[0].stdout is not None
    told = ranks[0].stdout.read().splitlines()
    ends = [rank.returncode for rank in ranks]
    if any(ends):
        raise RuntimeError(f"ranks ended with {ends} after {told}")
    return dict(json.loads(told[-1]))


def _wait(ranks: list[subprocess.Popen[str]]) -> None:
    """Until all have ended; where one fails, the others would wait for it."""
    until = time.monotonic() + _WITHIN_S
    while any(rank.poll() is None for rank in ranks):
        if any(rank.returncode for rank in ranks) or time.monotonic() > until:
            for rank in ranks:
                rank.kill()
        time.sleep(0.2)


def _write(folder: Path, shape: str) -> None:
    started = time.monotonic()
    argv = [sys.executable, "-m", "bench.random_llama", str(folder), shape]
    subprocess.run(argv, check=True)
    print(f"{shape} written in {time.monotonic() - started:.0f} s", flush=True)


def _lines(name: str, result: dict[str, Any]) -> list[str]:
    floor_s = result["parameter_bytes"] / _BYTES_PER_S
    lines = []
    for rows, token_s in result["token_s"].items():
        share = f"{floor_s / token_s:.0%}" if rows == "1" else ""
        lines.append(
            f"| {name} | {rows} | {token_s * 1e3:.2f} | {int(rows) / token_s:.0f} | {share} "
            f"| {result['first_token_s'] * 1e3:.1f} ms | {result['load_s']:.1f} s "
            f"| {result['warm_s']:.0f} s |"
        )
    return lines


if __name__ == "__main__":
    main(sys.argv[1:] or ["eager-1", "compiled-1", "eager-2", "compiled-2"])
