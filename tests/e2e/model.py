"""The built-in model, fetched and converted once for all tests, and the payload under mpirun."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clusterkit.model.cluster import Cluster, Node, Storage
from clusterkit.model.engine import EngineSettings
from clusterkit.transports.local import LocalTransport
from clusterkit.use_cases.model_placing import Builder, BuiltModel, place_model

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PAYLOADS = REPOSITORY / "clusterkit" / "payloads"
CACHE = Path(os.environ.get("CLUSTERKIT_CACHE", REPOSITORY / ".cache"))
# Beside Python where Open MPI came from PyPI, else the system's.
MPIRUN = shutil.which(
    "mpirun", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
)


def cluster_of(storage: Path, *, model: str = "smollm2-135m", kind: str = "local") -> Cluster:
    """One node, this machine, with its storage in a folder."""
    return Cluster(
        name="lab",
        provider="local",
        nodes=(Node("node1", slots=1),),
        storage=Storage(kind, str(storage)),
        engine=EngineSettings(model=model),
    )


def builder_of(cache: Path, sink: Any = lambda _: None, python: str = sys.executable) -> Builder:
    """Builds with the payloads of this working tree."""
    here = LocalTransport()
    return Builder(
        LocalTransport, lambda _, look: here.run(look), here, cache, python, str(PAYLOADS), sink
    )


def built_model() -> BuiltModel:
    """The built-in model where local clusters of the tests look for it."""
    return place_model(cluster_of(CACHE / "storage"), builder_of(CACHE))


@dataclass(frozen=True)
class Run:
    """What a bare mpirun of the payload printed, in order."""

    exit_code: int
    events: list[dict[str, Any]]
    stderr: str

    def of(self, event: str) -> list[dict[str, Any]]:
        """All events of one kind."""
        return [row for row in self.events if row["event"] == event]

    @property
    def token_ids(self) -> list[list[int]]:
        """Of each prompt's answer."""
        return [row["token_ids"] for row in self.of("answer")]

    @property
    def tokens(self) -> dict[int, list[int]]:
        """The same by prompt: replicas answer in any order."""
        return {row["prompt"]: row["token_ids"] for row in self.of("answer")}


def write_tiny_llama(folder: Path) -> str:
    """A model that loads and compiles fast: 4 heads, 2 of them KV heads."""
    argv = [sys.executable, "-m", "tests.e2e.tiny_llama", str(folder)]
    subprocess.run(argv, cwd=REPOSITORY, check=True, capture_output=True, timeout=120)
    return str(folder)


def generate(
    folder: Path, model: str, *prompts: str, tp: int = 1, pp: int = 1, ranks: int = 0, **more: Any
) -> Run:
    """Run the payload as a person would, without clusterkit; ``ranks`` 0: tp x pp."""
    request = {**_request(model, prompts), "tp": tp, "pp": pp, **more}
    return run_payload(folder, "generate", request, ranks or tp * pp)


def compiled(
    folder: Path,
    model: str,
    *prompts: str,
    dp: int = 1,
    tp: int = 1,
    ranks: int = 0,
    env: Mapping[str, str] | None = None,
    timeout_s: float = 900,
    **more: Any,
) -> Run:
    """Run the payload of compiled models, by torch.compile's ``eager`` unless told otherwise."""
    how = {"backend": "eager", "options": {}, "collectives": "auto", "plugins_path": None}
    request = {**_request(model, prompts), **how, "batch": 1, "dp": dp, "tp": tp, **more}
    ranks = ranks or dp * tp
    return run_payload(folder, "compiled", request, ranks, env=env, timeout_s=timeout_s)


def run_payload(
    folder: Path,
    payload: str,
    request: dict[str, Any],
    ranks: int,
    *,
    env: Mapping[str, str] | None = None,
    timeout_s: float = 300,
) -> Run:
    """Run one payload under a bare mpirun of so many ranks, with ``env`` besides ours."""
    (folder / "input.json").write_text(json.dumps(request))
    root = ("--allow-run-as-root",) if os.geteuid() == 0 else ()
    words = (*root, "--oversubscribe", "--bind-to", "none", "-n", str(ranks))
    theirs = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "GLOO_SOCKET_IFNAME": "lo",
        **(env or {}),
    }
    exports = [word for name in theirs for word in ("-x", name)]
    with subprocess.Popen(
        [str(MPIRUN), *words, *exports, sys.executable, PAYLOADS, payload],
        cwd=folder,
        env=os.environ | theirs,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as mpirun:
        try:
            stdout, stderr = mpirun.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            mpirun.terminate()  # it ends its ranks, which would outlive it if it were killed
            raise
    events = [json.loads(line) for line in stdout.splitlines()]
    return Run(mpirun.returncode, events, stderr)


def _request(model: str, prompts: tuple[str, ...]) -> dict[str, Any]:
    return {
        "version": 1,
        "model": model,
        "dtype": "auto",
        "prompts": prompts,
        "system": None,
        "raw": False,
        "max_tokens": 24,
        "temperature": 0.0,
        "top_p": 1.0,
        "seed": None,
        "threads": 1,
        "logits": 0,
    }


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
