"""What of run.py's words and surroundings only the rank itself can know."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from clusterkit.payloads.generate_events import Refused
from clusterkit.payloads.job_protocol import JOB_VARIABLE
from clusterkit.payloads.model_protocol import GPUS_PER_NODE_BY

_SEED = "--random_seed"
# What makes the sampling of a generation_config.json greedy.
_GREEDY = {"top_k": 1, "top_p": 0.0}


def prepared(
    words: list[str], order: dict[str, Any], *, rank: int
) -> tuple[list[str], dict[str, str]]:
    """The words and the environment of run.py in this rank, which runs in the job's folder.

    Raises:
        Refused: If something is missing that run.py needs.
    """
    env, here = dict(os.environ), Path.cwd()
    if at_run := env.get(GPUS_PER_NODE_BY):
        from clusterkit.payloads.gpus_per_node import prepare

        engine = _value(words, "--engine_dir")
        folder, more = prepare(at_run, engine, str(here), env)
        words, env = _with_value(words, "--engine_dir", folder), {**env, **more}
    if order["tokenizer_link"]:
        with contextlib.suppress(FileExistsError):  # another rank of this node made it
            (here / order["tokenizer_link"]).symlink_to(order["tokenizer"])
    if "--model_name" in words:
        words = _with_value(words, "--model_name", engine_name(words))
    if order["greedy_by_config"]:
        folder = greedy_tokenizer(Path(order["tokenizer"]), here / f"tokenizer-of-rank-{rank}")
        words = _with_value(words, "--tokenizer_dir", folder)
    if order["draw_seed"] and _SEED not in words:
        words = [*words, _SEED, str(drawn_seed())]
    if rank != 0:
        # The C++ session gives other ranks nothing to stream, and run.py then fails.
        words = [word for word in words if word != "--streaming"]
    return words, env


def drawn_seed() -> int:
    """A seed that all ranks of a job draw alike, and other jobs otherwise."""
    job = os.environ.get(JOB_VARIABLE, "")
    return int.from_bytes(hashlib.sha256(job.encode()).digest()[:4], "big") >> 1


def seed_in(words: list[str]) -> int | None:
    """The seed that run.py is given, if any."""
    given = _value(words, _SEED) if _SEED in words else ""
    return int(given) if given.isdigit() else None


def number_in(words: list[str], flag: str) -> int:
    """The value of a flag, in either form; 1 where it is not given."""
    number = "1"
    for index, word in enumerate(words):
        if word == flag and index + 1 < len(words):
            number = words[index + 1]
        elif word.startswith(f"{flag}="):
            number = word.partition("=")[2]
    return int(number) if number.isdigit() else 1


def greedy_tokenizer(tokenizer: Path, made: Path) -> str:
    """The tokenizer's folder, but with a generation_config.json that is greedy.

    Raises:
        Refused: If there is none.
    """
    config = tokenizer / "generation_config.json"
    try:
        described = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refused(
            f"{config} cannot be read, and this version's run.py samples as it says: {error}. "
            "Fix: put the model's into its folder, and build again"
        ) from None
    made.mkdir(exist_ok=True)
    for entry in tokenizer.iterdir():
        if entry.name != config.name:
            with contextlib.suppress(FileExistsError):
                (made / entry.name).symlink_to(entry)
    (made / config.name).write_text(json.dumps({**described, **_GREEDY}), encoding="utf-8")
    return str(made)


def dtype_in(words: list[str]) -> str | None:
    """What the engine computes in, by its config.json: of 0.8 and later, or of earlier ones."""
    config = _engine_config(words)
    return _text(config, "pretrained_config", "dtype") or _text(
        config, "builder_config", "precision"
    )


def engine_name(words: list[str]) -> str:
    """The name under which the engine was built, such as ``chatglm2_6b_32k``, if it tells."""
    name = _text(_engine_config(words), "builder_config", "name")
    return name or _value(words, "--model_name")


def _engine_config(words: list[str]) -> Any:
    """The engine's config.json; nothing where it cannot be read: run.py will say so."""
    try:
        config = Path(_value(words, "--engine_dir")) / "config.json"
        return json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _text(config: Any, section: str, key: str) -> str | None:
    inner = config.get(section) if isinstance(config, dict) else None
    text = inner.get(key) if isinstance(inner, dict) else None
    return text if isinstance(text, str) else None


def _value(words: list[str], flag: str) -> str:
    """The word after a flag, which is there."""
    return words[words.index(flag) + 1]


def _with_value(words: list[str], flag: str, value: str) -> list[str]:
    place = words.index(flag) + 1
    return [*words[:place], value, *words[place + 1 :]]
