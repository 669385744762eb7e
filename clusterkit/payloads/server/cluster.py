"""GET /cluster: the ranks of a server, and what they do."""

from __future__ import annotations

import time
from typing import Any

from clusterkit.payloads.server.served import Served


def cluster(served: Served) -> dict[str, Any]:
    """What is known of every rank, with the load of this moment."""
    load = served.generation.load()
    now = {
        "ready": served.not_ready() is None,
        "running": load.running,
        "queued": load.queued,
    }
    about = served.about()
    return {
        **about,
        "model": served.settings.name,
        "replicas": [{**replica, **now} for replica in about.get("replicas") or []],
        "failure": served.generation.failure(),
        "tokens_per_s": served.rate.per_second(time.monotonic(), load.tokens),
        "running": load.running,
        "queued": load.queued,
        "slots": load.slots,
        "tokens": load.tokens,
        "uptime_s": round(time.time() - served.started_s, 1),
        "context": served.generation.context,
    }
