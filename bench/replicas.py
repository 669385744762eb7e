"""`python -m bench.replicas [N]`: tokens a second of N replicas over those of one.

Each has one rank with one thread on this machine, which needs a core for each, and some for us.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2

CLIENTS_EACH, REQUESTS_EACH, TOKENS = 4, 8, 32
_WITHIN_S = 600
_CLI = (sys.executable, "-m", "clusterkit")


def main() -> None:
    """Measure one, then N."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # take down what is up, as Ctrl-C does
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    with a_cluster(slots=most) as inventory:
        rates = {count: tokens_per_s(inventory, count) for count in (1, most)}
    for count, rate in rates.items():
        print(f"replicas {count}: {rate:.1f} tokens/s, {rate / rates[1]:.2f} times one")


@contextmanager
def a_cluster(*, slots: int) -> Iterator[Path]:
    """This machine as a cluster; its state goes with it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "local.yaml")
        settings = {
            "cluster": "bench-replicas",
            "provider": "local",
            "nodes": {"localhost": {"slots": slots}},
            "engine": {"name": "transformers", "threads_per_rank": 1},
        }
        file.write_text(json.dumps(settings))
        subprocess.run([*_CLI, "up", file, "--yes"], check=True, stdout=sys.stderr)
        try:
            yield file
        finally:
            down = [*_CLI, "down", "--inventory", file, "--yes"]
            subprocess.run(down, check=True, stdout=sys.stderr)


def tokens_per_s(inventory: Path, replicas: int) -> float:
    """What clients get of so many replicas, each with as many clients."""
    port = str(_free_port())
    words = ["serve", "--inventory", inventory, "--port", port, "--replicas", str(replicas)]
    server = subprocess.Popen([*_CLI, *words], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with httpx2.Client(timeout=_WITHIN_S, trust_env=False) as client:

            def ask(_: int) -> int:
                asked = {"prompt": "Once", "max_tokens": TOKENS, "ignore_eos": True}
                body = {"model": "smollm2-135m", **asked}
                answer = client.post(f"{url}/v1/completions", json=body).raise_for_status()
                tokens: int = answer.json()["usage"]["completion_tokens"]
                return tokens

            with ThreadPoolExecutor(CLIENTS_EACH * replicas) as pool:
                list(pool.map(ask, range(replicas)))  # warm
                began = time.monotonic()
                tokens = sum(pool.map(ask, range(REQUESTS_EACH * replicas)))
                return tokens / (time.monotonic() - began)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(_WITHIN_S)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


if __name__ == "__main__":
    main()
