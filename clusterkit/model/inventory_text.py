"""The text of inventories that clusterkit writes: rows with comments, words, the engine."""

from __future__ import annotations

import json
import re


def row(indent: int, text: str, comment: str = "") -> str:
    """One line; comments stand in one column where the text leaves room."""
    line = " " * indent + text
    return f"{line:<30}  # {comment}\n" if comment else f"{line}\n"


def word(value: str) -> str:
    """``value`` in YAML: in quotes where it is not plainly a word."""
    plain = re.fullmatch(r"\.|(\.{0,2}/|[A-Za-z])[\w./:-]*[\w./-]", value)
    return (
        value
        if plain and value.lower() not in ("true", "false", "null")
        else json.dumps(value, ensure_ascii=False)
    )


def engine_text(model: str, *, pp: int) -> str:
    """The section ``engine``, with what its sizes mean."""
    return "\nengine:\n" + "".join(
        [
            row(2, "name: transformers"),
            row(2, f"model: {word(model)}", "or hub/name, a Hugging Face folder, a GGUF file"),
            row(2, f"pp: {pp}", "pipeline parallel: the layers over this many ranks"),
            row(2, "tp: 1", "tensor parallel: every layer over this many ranks"),
        ]
    )
