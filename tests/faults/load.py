"""A load generator for servers of the OpenAI API: guidellm, in a virtual environment of its own.

It brings torch and transformers of its own versions, so it is no part of the development
environment. SOAK_GUIDELLM is the path of one that is there; else it is installed once, in .cache.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = "0.8.1"
_FOLDER = Path(__file__).resolve().parents[2] / ".cache" / f"guidellm-{VERSION}"
_DATA = (
    "kind=synthetic_text"
    ",prompt_tokens=64,prompt_tokens_stdev=64,prompt_tokens_min=4,prompt_tokens_max=400"
    ",output_tokens=16,output_tokens_stdev=16,output_tokens_min=1,output_tokens_max=64"
)


@dataclass(frozen=True)
class Heard:
    """What guidellm counted; seconds are medians. ``cut``: at the end, by guidellm itself."""

    answered: int
    errors: int
    cut: int
    tokens: int
    first_token_s: float
    token_s: float
    tokens_per_s: float


def guidellm() -> Path:
    """The program; it is installed where there is none."""
    if named := os.environ.get("SOAK_GUIDELLM"):
        return Path(named)
    program, marker = _FOLDER / "bin" / "guidellm", _FOLDER / "installed"
    if not marker.exists():
        print(f"installing guidellm {VERSION}: gigabytes, once", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", _FOLDER], check=True)
        pip = [_FOLDER / "bin" / "pip", "install", "-q", f"guidellm=={VERSION}"]
        subprocess.run(pip, check=True)
        marker.touch()
    return program


def start(
    program: Path, url: str, *, model: str, tokenizer: Path, clients: int, seconds: int, to: Path
) -> subprocess.Popen[str]:
    """So many clients at once, each with one chat after the other; no network but the server's."""
    argv = [
        *(program, "run", "--disable-console"),
        *("--backend", f"kind=openai_http,target={url},model={model},http2=false"),
        *("--profile", f"kind=concurrent,streams={clients}"),
        *("--constraint", f"kind=max_duration,seconds={seconds}"),
        *("--tokenizer", f"kind=huggingface_auto,model={tokenizer}"),
        *("--data", _DATA),
        *("--output", f"kind=json,path={to / 'load.json'}"),
    ]
    # guidellm's own default for extra workers is one a core: the ranks need the cores.
    env = os.environ | {"HF_HUB_OFFLINE": "1", "GUIDELLM__MAX_WORKER_PROCESSES": "1"}
    return subprocess.Popen(
        argv, cwd=to, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def read(folder: Path) -> Heard:
    """What a run that has ended wrote."""
    (benchmark,) = json.loads((folder / "load.json").read_text())["benchmarks"]
    metrics: dict[str, Any] = benchmark["metrics"]
    totals = metrics["request_totals"]
    return Heard(
        answered=totals["successful"],
        errors=totals["errored"],
        cut=totals["incomplete"],
        tokens=int(metrics["output_token_count"]["successful"]["total_sum"]),
        first_token_s=metrics["time_to_first_token_ms"]["successful"]["median"] / 1000,
        token_s=metrics["inter_token_latency_ms"]["successful"]["median"] / 1000,
        tokens_per_s=metrics["output_tokens_per_second"]["successful"]["mean"],
    )
