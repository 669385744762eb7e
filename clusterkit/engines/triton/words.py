"""The command line of each rank's tritonserver."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from clusterkit.engines.serving import Listening
from clusterkit.model.triton import TritonSettings
from clusterkit.payloads.triton_repository import RUNS_ENGINE

REPOSITORY = "{repository}"
PREFIX = "{prefix}"
"""Stand for what only a rank knows: where its repository is, how its shared memory begins.

That is its name as well, by which it is told from the server of another job.
"""

_OURS = (
    "--id", "--model-repository", "--disable-auto-complete-config", "--model-control-mode",
    "--load-model", "--allow-http", "--allow-grpc", "--allow-metrics", "--http-address",
    "--http-port", "--grpc-address", "--grpc-port", "--metrics-address", "--metrics-port",
)  # fmt: skip


def common_words(settings: TritonSettings) -> tuple[str, ...]:
    """What the servers of all ranks are told."""
    return (
        settings.server,
        f"--id={PREFIX}",
        f"--model-repository={REPOSITORY}",
        "--disable-auto-complete-config",
        f"--backend-config=python,shm-region-prefix-name={PREFIX}",
        *settings.server_flags,
    )


def leader_words(settings: TritonSettings, listening: Listening) -> tuple[str, ...]:
    """What rank 0 is told besides: where to listen. Metrics are found at HTTP's address."""
    return (
        f"--http-address={listening.host}",
        f"--http-port={listening.port}",
        f"--grpc-address={listening.host}",
        f"--grpc-port={settings.grpc_port}",
        f"--metrics-port={settings.metrics_port}",
    )


def follower_words() -> tuple[str, ...]:
    """What the others are told besides: to load the engine's part alone, and never to listen."""
    return (
        "--model-control-mode=explicit",
        f"--load-model={RUNS_ENGINE}",
        "--allow-http=false",
        "--allow-grpc=false",
        "--allow-metrics=false",
    )


def ports_of(settings: TritonSettings, listening: Listening) -> dict[str, int]:
    """Each port that rank 0 takes, by who says which."""
    return {
        "`--port`": listening.port,
        "engine.grpc_port": settings.grpc_port,
        "engine.metrics_port": settings.metrics_port,
    }


def word_problems(settings: TritonSettings, listening: Listening) -> Iterator[str]:
    """What cannot be meant so, each with a fix."""
    for word in settings.server_flags:
        name = word.partition("=")[0]
        if name in _OURS or "shm-region-prefix-name" in word:
            yield f"engine.server_flags: `{name}` is set by clusterkit. Fix: leave it out"
    if not _is_address(listening.host):
        yield f"`--host {listening.host}` is no address. Fix: one such as 127.0.0.1"
    ports = ports_of(settings, listening)
    if len(set(ports.values())) < len(ports):
        said = ", ".join(f"{name} {port}" for name, port in ports.items())
        yield f"two of {said} are the same port. Fix: three different ones"


def _is_address(host: str) -> bool:
    """Triton's HTTP takes no names, and does not say so."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
