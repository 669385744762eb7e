"""What Triton's logs say when it fails, with the cause and what to do."""

from __future__ import annotations

import re

_KNOWN: tuple[tuple[str, str], ...] = (
    (  # the same failure is also told as a port in use
        r"total \d+ resolved for '(.*):\d+' .*Cannot assign requested address",
        "the head has no address {0}. Fix: leave `--host` out, or one of the head's own",
    ),
    (
        r"Socket '[^']*:(\d+)' already in use",
        "port {0} is taken on that node. Fix: end what listens there, or another port: `--port`, "
        "engine.grpc_port, engine.metrics_port",
    ),
    (
        r"Expected \w+, got: \$",
        "a placeholder of a template was left. Fix: name it in engine.parameters",
    ),
    (
        r"unable to find backend library for backend '([^']*)'",
        "this Triton has no backend `{0}`. Fix: an image with it; from 0.10 on also "
        "engine.backend: python",
    ),
    (
        r"(?:Both encoder and decoder model paths are empty|parse_error\.101)",
        "the engine's folder is empty or not where engine.model says. Fix: engine.model",
    ),
    (
        r"Unable to initialize shared memory key",
        "the node's shared memory is too small, or full of what killed servers left. Fix: 64 MB "
        "for each instance of each rank (container.shm_size), and remove old regions from it",
    ),
    (
        r"(?:mpiSize == tp \* pp|MPI worldSize is expected to be equal to tp\*pp)",
        "the engine was built for another number of ranks, or the ranks are not one MPI world. "
        "Fix: engine.tp and engine.pp as the engine was built; the mpirun of the node's own MPI",
    ),
    (
        r"Version tag does not match",
        "another version of TensorRT-LLM built the engine. Fix: build and serve in one image",
    ),
    (
        r"Stub process '([^']*)' is not healthy",
        "the Python of model {0} crashed. Fix: what the lines above it say; numpy 2 is too new "
        "for Triton up to 24.10",
    ),
    # Any other reason; a page of other lines follows it.
    (
        r"failed to load '([^']+)' version \d+: (?:\w+: )?([^\n]{1,300}?)\"?(?:\n|$)",
        "model {0} cannot be loaded: {1}. Fix: mend that in its folder of engine.templates, or "
        "what the inventory says of it",
    ),
)


def explain(log: str) -> str | None:
    """Cause and fix, where the log has one of the known lines."""
    for pattern, words in _KNOWN:
        if found := re.search(pattern, log):
            return words.format(*found.groups())
    return None
