"""How a model's makers want its tokens drawn, where a request does not say it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

_MOST = {"temperature": 2.0, "top_p": 1.0}


def sampling_of(model_folder: str) -> dict[str, float]:
    """What its ``generation_config.json`` says that requests may say too; as vLLM takes it."""
    try:
        told = json.loads(Path(model_folder, "generation_config.json").read_text("utf-8"))
    except (OSError, ValueError):  # a model need not have one
        return {}
    wished = told if isinstance(told, dict) else {}
    return {
        name: float(wished[name])
        for name, most in _MOST.items()
        if _is_number(wished.get(name)) and 0 <= wished[name] <= most
    }


def _is_number(value: Any) -> bool:
    is_one = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_one and math.isfinite(value)
