"""What each verb would run for the shipped inventories, whole, as `--dry-run -o json` prints it.

After a change that is meant, write the files anew and read the difference:
``CLUSTERKIT_WRITE_GOLDEN=1 python -m pytest tests/golden``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.golden import on_file

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
PAIR, LOCAL = "inventories/docker-pair.yaml", "inventories/local.yaml"
MACHINES, CARRIED = "inventories/machines.yaml", "inventories/machines-docker.yaml"
NFS, SYNC = (f"tests/golden/inventories/machines-{kind}.yaml" for kind in ("nfs", "sync"))
ENGINE_SYNC = "tests/golden/inventories/tensorrt-llm-sync.yaml"
TRITON = "tests/golden/inventories/triton.yaml"
LAB = "tests/golden/inventories/lab.yaml"
SERVED = "tests/golden/inventories/tensorrt-llm-serve.yaml"
COMPILED = "inventories/torch-tensorrt-two-machines.yaml"
COMPILED_HERE = "inventories/torch-tensorrt-cpu.yaml"
SPARES = "tests/golden/inventories/spares.yaml"
DEMONSTRATION = "playbooks/scripts/tensor_parallel_matmul.py"
CASES = {
    "up-machines": ("up", MACHINES),
    "up-machines-docker": ("up", CARRIED),
    "down-machines": ("down", "--inventory", MACHINES),
    "images-push-machines-docker": ("images", "push", "a/b:1", "--inventory", CARRIED),
    "mpi-hello-machines": ("mpi-hello", "--inventory", MACHINES),
    "up-machines-nfs": ("up", NFS),
    "down-machines-nfs": ("down", "--inventory", NFS),
    "up-machines-sync": ("up", SYNC),
    "down-machines-sync": ("down", "--inventory", SYNC),
    "build-machines-sync": ("build", "--inventory", SYNC),
    "infer-machines-sync": ("infer", "--inventory", SYNC, "--prompt", "hi", "--pp", "2"),
    "up-docker-pair": ("up", PAIR),
    "up-local": ("up", LOCAL),
    "down-docker-pair": ("down", "--inventory", PAIR),
    "mpi-hello-docker-pair": ("mpi-hello", "--inventory", PAIR),
    "mpi-hello-local": ("mpi-hello", "--inventory", LOCAL, "--ranks", "2"),
    "bench-net-docker-pair": ("bench", "net", "--inventory", PAIR, "--sizes", "64k,1m"),
    "build-docker-pair": ("build", "--inventory", PAIR),
    "infer-docker-pair": ("infer", "--inventory", PAIR, "--prompt", "it's $(x)"),
    "infer-docker-pair-tp3": ("infer", "--inventory", PAIR, "--prompt", "hi", "--tp", "3"),
    "infer-local-tp3-pp2": ("infer", "--inventory", LOCAL, "-p", "hi", "--tp", "3", "--pp", "2"),
    "build-tensorrt-llm": ("build", "--inventory", "inventories/chatglm2-two-containers.yaml"),
    "build-tensorrt-llm-sync": ("build", "--inventory", ENGINE_SYNC),
    "infer-tensorrt-llm-sync": ("infer", "--inventory", ENGINE_SYNC, "--prompt", "hi"),
    "engines-verify-sync": ("engines", "verify", "--inventory", ENGINE_SYNC),
    "engines-push-sync": ("engines", "push", "llama", "--inventory", ENGINE_SYNC),
    "engines-rm": ("engines", "rm", "llama", "--inventory", "inventories/llama-70b-tp2.yaml"),
    "serve-docker-pair": (
        *("serve", "--inventory", PAIR, "--pp", "2", "--max-tokens", "256", "--drain", "60"),
    ),
    "serve-replicas-docker-pair": ("serve", "--inventory", PAIR, "--replicas", "2"),
    "proxy-docker-pair": ("proxy", "--inventory", PAIR),
    "stop-docker-pair": ("stop", "serve-1", "--now", "--inventory", PAIR),
    "serve-engine": ("serve", "--inventory", "inventories/machines-2x4.yaml"),
    "serve-pytorch": ("serve", "--inventory", SERVED, "--port", "9000"),
    "serve-triton": ("serve", "--inventory", TRITON),
    "serve-engine-by-triton": (*("serve", "--inventory", ENGINE_SYNC, "--engine", "triton"),),
    "infer-triton": ("infer", "--inventory", TRITON, "--prompt", "it's $(x)"),
    "infer-torch-tensorrt": ("infer", "--inventory", COMPILED, "--prompt", "it's $(x)"),
    "infer-torch-tensorrt-torchrun": (
        *("infer", "--inventory", COMPILED, "-p", "hi", "--dp", "2", "--launcher", "torchrun"),
    ),
    "infer-torch-tensorrt-cpu": ("infer", "--inventory", COMPILED_HERE, "-p", "hi", "--dp", "3"),
    "up-spares": ("up", SPARES),
    "infer-spares": ("infer", "--inventory", SPARES, "-p", "hi", "--retries", "1"),
    "down-spares": ("down", "--inventory", SPARES),
    "audit-machines": ("audit", "--inventory", MACHINES),
    "lock-release-docker-pair": ("lock", "release", "--inventory", PAIR),
    "lock-status-machines": ("lock", "status", "--inventory", MACHINES),
    "sweep-docker-pair": ("sweep", "node2", "--inventory", PAIR),
    "sweep-machines": ("sweep", "--inventory", MACHINES),
    "keys-rotate-docker-pair": ("keys", "rotate", "--inventory", PAIR),
    "fix-apply-machines": ("fix", "apply", "--inventory", MACHINES, "--gpus-per-node", "1"),
    **{
        f"run-{name}": ("run", "--inventory", *words, "--", DEMONSTRATION, "--rows", "it's $(x)")
        for name, words in {
            "docker-pair": (PAIR, "--nodes", "node2"),
            "docker-pair-torchrun": (PAIR, "--launcher", "torchrun", "--ranks", "3"),
            "machines": (MACHINES, "--per-node", "1", "--timeout", "60"),
            "local-torchrun": (LOCAL, "--launcher", "torchrun", "--per-node", "2"),
        }.items()
    },
    "run-stall-timeout": (
        "run",
        "--inventory",
        LOCAL,
        "--stall-timeout",
        "5",
        "--",
        DEMONSTRATION,
    ),
    "jobs-show-docker-pair": ("jobs", "show", "run-1", "--inventory", PAIR),
    "attach-docker-pair": ("attach", "--inventory", PAIR),
    "lab-up": ("lab", "up", "--nodes", "2"),
    **{
        f"lab-fault-{kind}": ("lab", "fault", kind, *words, "--inventory", LAB)
        for kind, *words in (
            ("kill-node", "node2"),
            ("pause", "node[1-2]"),
            ("cut", "node2"),
            ("partition", "node1", "node2", "--one-way"),
            ("slow", "node2", "50mbit"),
            ("fill-disk", "node1"),
            ("skew-clock", "node2", "+2m"),
            ("kill-rank", "1"),
            ("drop-ssh", "node2"),
        )
    },
    "lab-heal": ("lab", "heal", "node2", "--inventory", LAB),
    "run-on-the-storage": ("run", "--inventory", PAIR, "--", "/shared/train.py"),
    "run-in-a-folder": (
        *("run", "--inventory", PAIR, "--chdir", "/shared/o"),
        "--",
        DEMONSTRATION,
    ),
    "chat-docker-pair": ("chat", "--inventory", PAIR),
    "exec-docker-pair": ("exec", "--inventory", PAIR, "@workers", "--", "echo", "a b"),
    **{
        f"play-{name}": ("play", f"playbooks/{name}.yaml")
        for name in (
            "chatglm2-two-nodes",
            "llama-70b-pp2-fp8",
            "llama-70b-tp2",
            "llama-70b-triton-pp2-fp8",
            "llama-70b-triton-tp2",
            "serve-and-ask",
            "tensor-parallel-matmul",
            "torch-tensorrt-data-parallel-gpt2",
            "torch-tensorrt-data-parallel-stable-diffusion",
            "torch-tensorrt-tensor-parallel-llama3",
            "torch-tensorrt-tensor-parallel-rotary-embedding",
            "torch-tensorrt-tensor-parallel-simple",
            "torch-tensorrt-tensor-parallel-two-nodes",
        )
    },
    **{
        f"infer-machines-{nodes}": (
            *("infer", "--inventory", f"inventories/machines-{nodes}.yaml", "--prompt", "hi"),
        )
        for nodes in ("2x1", "2x4", "2x8")
    },
}


@pytest.mark.parametrize("case", CASES)
def test_the_steps_are_these(case: str, tmp_path: Path) -> None:
    printed = dry_run(tmp_path, *CASES[case])

    assert printed == on_file(HERE / "dry_run" / f"{case}.json", printed)


def dry_run(home: Path, *words: str) -> str:
    """The JSON of a verb that can reach nothing, without what differs from run to run."""
    argv = [sys.executable, "-m", "clusterkit", *words, "--dry-run", "-o", "json"]
    if "--" in words:
        split = words.index("--")
        argv = [*argv[:3], *words[:split], "--dry-run", "-o", "json", *words[split:]]
    env = os.environ | {
        "CLUSTERKIT_HOME": str(home),
        "CLUSTERKIT_CACHE": str(home / "cache"),
        "DOCKER_HOST": f"unix://{home}/nobody-listens",
    }
    done = subprocess.run(argv, cwd=REPOSITORY, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    played = json.loads(done.stdout) if words[0] == "play" else {"inputs": {}, "steps": []}
    inputs = [f"{name} = {value}\n" for name, value in played["inputs"].items()]
    assert done.stderr == "".join([*inputs, *(f"- {step['verb']}\n" for step in played["steps"])])
    assert not (home / "clusters").exists()
    for found, name in (
        (str(home), "HOME"),
        (sys.executable, "PYTHON"),
        (str(Path(sys.executable).parent), "VENV/bin"),  # may lie in the repository: first
        (str(REPOSITORY), "REPOSITORY"),
    ):
        done.stdout = done.stdout.replace(found, name)
    text = re.sub(r"payload-[0-9a-f]{12}", "payload-VERSION", done.stdout)
    text = re.sub(r"(bench-net|infer|mpi-hello|run|serve)-[0-9a-f]{6}\b", r"\1-ID", text)
    # Only root needs the flag, and a container's root always does.
    text = re.sub(r' *"--allow-run-as-root",\n', "", text)
    return json.dumps(json.loads(text), indent=2) + "\n"
