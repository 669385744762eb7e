"""What an engine tells its ranks besides their words: one file, which travels with the job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clusterkit.payloads.model_protocol import INPUT_VERSION
from clusterkit.payloads.rank_input import INPUT


def input_file(content: Mapping[str, Any]) -> dict[str, bytes]:
    """``content`` as the file that ranks read, with the version that they ask for."""
    told = {"version": INPUT_VERSION, **content}
    return {INPUT: json.dumps(told, ensure_ascii=False).encode()}
