"""Be one rank of Triton: fill a model repository, start tritonserver, tell when it answers.

    triton_serve /opt/tritonserver/bin/tritonserver --model-repository={repository} …
        --on-rank-0 --http-port=8000 … --on-other-ranks --allow-http=false …

``input.json`` has the values of the templates, and where rank 0 answers; with ``tell_devices`` the
values of each node tell how many GPUs it has. ``{repository}`` and ``{prefix}`` become this rank's
own. After a real answer, and when no other node answers in rank 0's place, rank 0 tells one event:

    {"event": "serving", "model": NAME, "answer": TEXT, "took_s": SECONDS}

and leaves ``server.json`` for those who want to ask. Each rank ends as its server does.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn, Sequence  # noqa: UP035 - Python 3.8

from clusterkit.payloads.generate_events import Refused, rank, tell
from clusterkit.payloads.job_protocol import JOB_VARIABLE, shared_memory_of
from clusterkit.payloads.rank_child import end_as, path_with_python, run
from clusterkit.payloads.rank_input import read_input
from clusterkit.payloads.triton_devices import with_devices
from clusterkit.payloads.triton_environments import mark_begin
from clusterkit.payloads.triton_look import texts, version_files
from clusterkit.payloads.triton_repository import (
    ON_OTHERS,
    ON_RANK_0,
    RUNS_ENGINE,
    make,
    placeholders,
    problems,
)
from clusterkit.payloads.triton_watch import TritonWatch

SERVER = "server.json"
_LOADED = f"successfully loaded '{RUNS_ENGINE}'"


def main() -> None:
    """Run one rank to its end."""
    try:
        order = read_input()
        repository = _repository(order)
    except Refused as error:
        tell(event="error", rank=rank(), message=str(error))
        sys.exit(error.exit_code)
    name = f"{shared_memory_of(os.environ.get(JOB_VARIABLE, 'none'))}{rank()}-"
    words = _words(sys.argv[1:], repository, name)
    mark_begin(Path.cwd())
    env = {**os.environ, "PATH": path_with_python()}
    if rank() == 0:
        watch = TritonWatch(
            order, name, on_ready=lambda *told: _ready(order, *told), give_up=_give_up
        )
        threading.Thread(target=watch.until_ready, daemon=True).start()
        end_as(run(words, env, None))
    end_as(run(words, env, _follow, of=2))


def _repository(order: dict[str, Any]) -> Path:
    """This rank's own, filled; nothing of it is shared, so no rank waits for another.

    Raises:
        Refused: If the server could not load it.
    """
    templates, folder = Path(order["templates"]), Path.cwd() / f"repository.{rank()}"
    found, values = texts(templates), order["values"]
    if wrong := list(problems(found, version_files(templates), values)):
        raise Refused("\n".join(f"{os.uname().nodename}: {templates}: {each}" for each in wrong))
    if order["tell_devices"]:
        asked = placeholders(found.get(RUNS_ENGINE, ""))
        values = with_devices(values, asked, Path.cwd(), dict(os.environ))
    make(templates, folder, values)
    return folder


def _words(words: list[str], repository: Path, name: str) -> list[str]:
    leader, others = words.index(ON_RANK_0), words.index(ON_OTHERS)
    own = words[leader + 1 : others] if rank() == 0 else words[others + 1 :]
    return [
        word.replace("{repository}", str(repository)).replace("{prefix}", name)
        for word in (*words[:leader], *own)
    ]


def _follow(line: str) -> Sequence[str]:
    """A rank that works for rank 0 never comes back from loading its part of the engine."""
    if _LOADED in line:
        sys.stderr.write(f"{line}\n")
        _give_up(
            f"rank {rank()} loaded {RUNS_ENGINE} and went on: it does not work for rank 0. Each "
            "is a server of its own, with a part of the engine. Fix: an engine of this many "
            "ranks, a backend that has MPI, and the mpirun of that MPI"
        )
    return (line,)


def _ready(order: dict[str, Any], answer: str, took_s: float) -> None:
    told = {"grpc": order["grpc"], "url": order["url"], "served": order["served"]}
    draft = Path(f"{SERVER}.part")
    draft.write_text(json.dumps(told), encoding="utf-8")
    draft.rename(SERVER)
    tell(event="serving", model=order["served"], answer=answer, took_s=took_s)


def _give_up(why: str) -> NoReturn:
    """End this rank, and so the job."""
    tell(event="error", rank=rank(), message=f"{os.uname().nodename}: {why}")
    sys.stderr.flush()
    os._exit(1)
