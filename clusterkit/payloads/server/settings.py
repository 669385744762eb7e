"""What the HTTP side of a server was told to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clusterkit.payloads.server.sampling import sampling_of


@dataclass(frozen=True)
class Settings:
    """From the rank's ``input.json``."""

    name: str
    """Of the model, as clients call it."""

    tp: int = 1
    pp: int = 1
    host: str = "127.0.0.1"
    port: int = 8000
    api_keys_sha256: tuple[str, ...] = ()
    max_queue: int = 256
    max_prompt_tokens: int | None = None
    max_tokens: int | None = None
    request_timeout_s: float = 600
    drain_s: float = 30
    temperature: float = 1.0
    """Where a request has none: as the model's makers wish; so with ``top_p``."""

    top_p: float = 1.0
    head_timeout_s: float = 10
    """How long a client may take for the headers of a request."""

    body_timeout_s: float = 30
    """How long a client may take for the body of a request."""

    stall_timeout_s: float = 30
    """How long a client may read nothing of what was sent to it."""

    @classmethod
    def of(cls, request: dict[str, Any]) -> Settings:
        """Take what concerns HTTP from a rank's input; what is null or absent has its default."""
        known = {name: request[name] for name in cls.__dataclass_fields__ if name in request}
        known = {name: value for name, value in known.items() if value is not None}
        known |= sampling_of(request["model"]) if "model" in request else {}
        known["api_keys_sha256"] = tuple(known.get("api_keys_sha256", ()))
        return cls(**known)
