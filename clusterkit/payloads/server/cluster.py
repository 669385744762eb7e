"""GET /cluster: the ranks of a server, and what they do."""

from __future__ import annotations

import time
from typing import Any

from clusterkit.payloads.server.served import Served


def cluster(served: Served) -> dict[str, Any]:
    """What is known of every rank, with the load of this moment."""
    load = served.generation.load()
    replica = {
        "name": "0",
        "url": None,
        "ready": served.not_ready() is None,
        "running": load.running,
        "queued": load.queued,
        "ranks": served.ranks(),
    }
    return {
        "model": served.settings.name,
        "tp": served.settings.tp,
        "pp": served.settings.pp,
        "replicas": [replica],
        "failure": served.generation.failure(),
        "tokens_per_s": served.rate.per_second(time.monotonic(), load.tokens),
        "running": load.running,
        "queued": load.queued,
        "slots": load.slots,
        "tokens": load.tokens,
        "uptime_s": round(time.time() - served.started_s, 1),
        "versions": served.about().get("versions", {}),
        "context": served.generation.context,
    }
