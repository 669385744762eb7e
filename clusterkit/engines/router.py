"""The program of a router: one rank without a model, before several servers of the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from clusterkit.engines.rank_input import input_file
from clusterkit.engines.serving import Listening, ServeLimits
from clusterkit.model.engine import EngineSettings
from clusterkit.model.job import RankProgram
from clusterkit.model.models import model_source

PACKAGES = ("starlette", "uvicorn", "prometheus_client", "pydantic", "httpx2")
"""What it imports."""

KEY = "key"
"""The file with the key that the replicas ask for."""


@dataclass(frozen=True, slots=True)
class Behind:
    """One server behind a router: the folder of its job on the head, and where it listens."""

    name: str
    folder: str
    host: str


def router_program(
    python: str,
    payload_folder: str,
    settings: EngineSettings,
    limits: ServeLimits,
    listening: Listening,
    replicas: Sequence[Behind],
    *,
    key: str,
) -> RankProgram:
    """What it runs; ``limits`` has the keys of its clients, and how much each replica takes."""
    content = {
        "name": model_source(settings.model).name,
        "tp": settings.tp,
        "pp": settings.pp,
        "host": listening.host,
        "port": listening.port,
        "api_keys_sha256": limits.api_keys_sha256,
        "max_batch": limits.max_batch,
        "max_queue": limits.max_queue,
        "drain_s": limits.drain_s,
        "replicas": [asdict(each) for each in replicas],
    }
    files = {**input_file(content), KEY: key.encode()}
    return RankProgram(argv=(python, payload_folder, "route"), files=files)
