"""A playbook: verbs and their options, one after another."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from clusterkit.errors import did_you_mean
from clusterkit.model.base import Model
from clusterkit.model.container import absolute
from clusterkit.model.inventory import model_path
from clusterkit.model.mistakes import Mistake, Place, explain, shown
from clusterkit.model.options import PLAYBOOK_VERBS, CpOptions
from clusterkit.model.serve_options import ServeOptions

_FIX = "write one verb and its options: `- infer: {prompt: Hello}`, or `- down:`"
_NEVER_ENDS = ("it would run until Ctrl-C", "add `detach: true`; `- stop:` ends it")


@dataclass(frozen=True, slots=True)
class PlaybookStep:
    """One verb of a playbook. ``line`` is where the file has it."""

    verb: str
    options: Model
    line: int


def parse_steps(raw: list[Any]) -> tuple[list[tuple[int, str, Model]], list[Mistake]]:
    """Each item's position, verb and options, and all mistakes of the list."""
    steps: list[tuple[int, str, Model]] = []
    mistakes: list[Mistake] = []
    for index, item in enumerate(raw):
        if not isinstance(item, dict) or len(item) != 1:
            what = (
                f"{len(item)} keys in one item" if isinstance(item, dict) else f"is {shown(item)}"
            )
            mistakes.append(Mistake((index,), what, _FIX))
            continue
        ((verb, options),) = item.items()
        if verb not in PLAYBOOK_VERBS:
            fix = did_you_mean(
                verb, PLAYBOOK_VERBS, otherwise=f"use one of {', '.join(PLAYBOOK_VERBS)}"
            )
            mistakes.append(Mistake((index, verb), "unknown verb", fix))
        elif not isinstance(options, dict | None):
            what = f"the options must be a mapping, not {shown(options)}"
            mistakes.append(Mistake((index, verb), what, _FIX))
        else:
            try:
                given = _options(PLAYBOOK_VERBS[verb], options or {})
                if isinstance(given, ServeOptions) and not given.detach:
                    mistakes.append(Mistake((index, verb), *_NEVER_ENDS))
                steps.append((index, verb, given))
            except ValidationError as error:
                found = explain(error, PLAYBOOK_VERBS[verb])
                mistakes += [_as_written(each, (index, verb), options or {}) for each in found]
    return steps, mistakes


def from_folder(options: Model, base: Path) -> Model:
    """``options`` with their relative paths seen from the folder ``base``."""
    found: dict[str, Any] = {}
    for name, value in options:
        if isinstance(value, Path) and value != Path("-"):
            found[name] = Path(absolute(str(value), base))
        elif name == "files":
            found[name] = tuple(Path(absolute(str(each), base)) for each in value)
        elif name == "model" and value is not None:
            found[name] = model_path(value, base)
        elif isinstance(options, CpOptions):
            words = (value,) if isinstance(value, str) else value
            paths = tuple(word if _on_nodes(word) else _joined(word, base) for word in words)
            found[name] = paths if name == "sources" else paths[0]
    return options.model_copy(update=found)


def _options(model: type[Model], raw: dict[str, Any]) -> Model:
    """Options by field name; as JSON, because strictness there allows lists and paths."""
    named = {key.replace("-", "_"): value for key, value in raw.items()}
    return model.model_validate_json(json.dumps(named), strict=True)


def _as_written(found: Mistake, item: Place, options: dict[str, Any]) -> Mistake:
    """``found`` at its place in the file, with the option spelled as it is there."""
    written = {key.replace("-", "_"): key for key in options}
    place = tuple(
        written.get(part, part) if isinstance(part, str) else part for part in found.place
    )
    return Mistake((*item, *place), found.what, found.fix)


def _on_nodes(word: str) -> bool:
    """Whether a word of ``cp`` is ``NODES:PATH``."""
    return ":" in word.partition("/")[0]


def _joined(path: str, base: Path) -> str:
    """An absolute path that keeps the ``/`` at its end, which means a folder."""
    return absolute(path, base) + ("/" if path.endswith("/") else "")
