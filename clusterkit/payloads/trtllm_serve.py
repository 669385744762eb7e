"""Be one rank of a server: start it as a child, and on rank 0 tell when it answers.

    trtllm_serve trtllm-llmapi-launch trtllm-serve MODEL --host … --port …

The words are the vendor's own. What else every rank must know is in ``input.json`` in its folder:

    {"version": 1, "url": "http://127.0.0.1:8000", "folder": MODEL, "folder_here": null}

``folder_here`` names a link in the job's folder through which every node finds its own view of
the engine: the server tells all ranks one path. After a real completion rank 0 tells one event:

    {"event": "serving", "model": ID, "answer": TEXT, "took_s": SECONDS}

Each rank ends as its child does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

from clusterkit.payloads.generate_events import Refused, rank, tell
from clusterkit.payloads.model_protocol import GPUS_PER_NODE_BY
from clusterkit.payloads.rank_child import end_as, path_with_python, run
from clusterkit.payloads.rank_input import read_input
from clusterkit.payloads.serve_watch import ServerWatch


def main() -> None:
    """Run one rank to its end."""
    words = sys.argv[1:]
    try:
        order = _order()
        env = {**os.environ, "PATH": path_with_python()}
        words = _words(words, order, env)
    except Refused as error:
        tell(event="error", rank=rank(), message=str(error))
        sys.exit(error.exit_code)
    if rank() == 0:
        watch = ServerWatch(order["url"], server=words[1], on_ready=_tell_ready, give_up=_give_up)
        threading.Thread(target=watch.until_ended, daemon=True).start()
    end_as(run(words, env, None))


def _order() -> dict[str, Any]:
    order = read_input()
    if not (Path(order["folder"]) / "config.json").is_file():
        raise Refused(
            f"{os.uname().nodename}: {order['folder']} has no config.json. Fix: bring the model "
            "there; with `storage` of its own, every node needs it"
        )
    return order


def _words(words: list[str], order: dict[str, Any], env: dict[str, str]) -> list[str]:
    """The command, with the path of its first program, and of the engine as this node has it."""
    found = shutil.which(words[0], path=env["PATH"])
    if found is None:
        raise Refused(
            f"{os.uname().nodename}: there is no {words[0]} beside {sys.executable} or on PATH. "
            "Fix: TensorRT-LLM 0.15 or newer there, and `python` set to the one that has it"
        )
    words = [found, *words[1:]]
    if order["folder_here"] is None:
        return words
    from clusterkit.payloads.gpus_per_node import prepare

    engine = order["folder"]
    own, more = prepare(env.get(GPUS_PER_NODE_BY, "none"), engine, str(Path.cwd()), env)
    env.update(more)
    link = Path.cwd() / order["folder_here"]
    with contextlib.suppress(FileExistsError):  # another rank of this node made it
        link.symlink_to(own)
    return [str(link) if word == engine else word for word in words]


def _tell_ready(model: str, answer: str, took_s: float) -> None:
    tell(event="serving", model=model, answer=answer, took_s=took_s)


def _give_up(why: str) -> None:
    """End this rank, and so the job: its launcher would wait for ever."""
    sys.stderr.write(f"{why}\n")
    sys.stderr.flush()
    os._exit(1)
