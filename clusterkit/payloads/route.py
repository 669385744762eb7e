"""Answer for several servers of one model: each request goes to the one that has the least to do.

One rank on the head runs this in a folder with ``key``, which the replicas ask for, and
``input.json``:

    {"version": 1, "name": "smollm2-135m", "tp": 1, "pp": 2, "host": "127.0.0.1", "port": 8000,
     "api_keys_sha256": [], "max_batch": 16, "max_queue": 256, "drain_s": 30, "replicas":
     [{"name": "0", "folder": FOLDER OF ITS JOB HERE, "host": ADDRESS OF ITS FIRST RANK}, …]}

Events: {"event": "serving", "model": NAME, "answer": TEXT, "took_s": SECONDS} once every replica
answers; {"event": "replica", "name": "0", "ready": false, "why": TEXT} whenever that changes;
``error``. SIGTERM ends it: running requests end first.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NoReturn

from clusterkit.payloads.generate_events import Refused, tell
from clusterkit.payloads.rank_main import run_rank


def main() -> NoReturn:
    """Run the router to its end."""
    run_rank(run)


def run(request: dict[str, Any]) -> None:
    """Route until it is stopped.

    Raises:
        Refused: If this Python lacks what routing needs.
        Failed: If the address cannot be listened at, or every replica has ended.
    """
    try:
        from clusterkit.payloads.router.routing import route_at
        from clusterkit.payloads.server.serving import listening, stopped_by_signals
    except ImportError as error:
        if error.name is None or error.name.startswith("clusterkit"):
            raise
        raise Refused(
            f"{os.uname().nodename}: no Python module {error.name!r}, and `serve --replicas` "
            "needs it. Fix: pip install starlette uvicorn pydantic prometheus-client httpx2"
        ) from None
    key = Path("key").read_text(encoding="ascii").strip()
    with stopped_by_signals() as stop, listening(request["host"], request["port"]) as listener:
        route_at(listener, request, key, tell=tell, stop=stop)
