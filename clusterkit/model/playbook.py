"""A playbook: what it asks for, then verbs and their options, one after another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from clusterkit.errors import did_you_mean
from clusterkit.model.base import Model
from clusterkit.model.container import absolute
from clusterkit.model.inventory import model_path
from clusterkit.model.mistakes import Mistake, Place, explain, shown
from clusterkit.model.options import PLAYBOOK_VERBS, CpOptions
from clusterkit.model.playbook_inputs import INPUTS, Inputs, Value, read_inputs
from clusterkit.model.serve_options import ServeOptions
from clusterkit.model.source import Source

_FIX = "write one verb and its options: `- infer: {prompt: Hello}`, or `- down:`"
_TEXTS = ("string_type", "path_type", "tuple_type")
"""What is wrong where text, or a list of it, was to be."""
_NEVER_ENDS = ("it would run until Ctrl-C", "add `detach: true`; `- stop:` ends it")


@dataclass(frozen=True, slots=True)
class PlaybookStep:
    """One verb of a playbook. ``line`` is where the file has it."""

    verb: str
    options: Model
    line: int


@dataclass(frozen=True, slots=True)
class Playbook:
    """A whole recipe. ``inputs`` are the values that stand in its steps already."""

    steps: tuple[PlaybookStep, ...]
    inputs: Mapping[str, Value] = field(default_factory=dict[str, Value])


def parse_playbook(
    source: Source, base: Path, given: Mapping[str, str]
) -> tuple[Playbook, list[Mistake]]:
    """The list that a file has, with its inputs filled in, and all mistakes of it."""
    inputs, mistakes = _inputs(source.value[0], given, base)
    steps: list[PlaybookStep] = []
    for index, item in enumerate(source.value):
        if index == 0 and inputs is not None:
            continue
        filled = item if inputs is None else inputs.filled(item, (index,))
        parsed = _parse_step(index, filled, {} if inputs is None else inputs.texts)
        if isinstance(parsed, list):
            mistakes += parsed
        else:
            verb, options = parsed
            line = source.line((index, verb))
            steps.append(PlaybookStep(verb, from_folder(options, base), line))
    if inputs is None:
        return Playbook(tuple(steps)), mistakes
    mistakes = [
        each
        for each in mistakes
        if each.place not in inputs.unfilled or each.what == "unknown key"
    ]
    return Playbook(tuple(steps), inputs.values), [*mistakes, *inputs.mistakes]


def _inputs(
    first: Any, given: Mapping[str, str], base: Path
) -> tuple[Inputs | None, list[Mistake]]:
    """The inputs of the first item, and what is wrong if there are none; None: no such item."""
    if isinstance(first, dict) and list(first) == [INPUTS]:
        inputs = read_inputs(first[INPUTS], given, base)
        inputs.mistakes = [
            Mistake((0, INPUTS, *each.place), each.what, each.fix) for each in inputs.mistakes
        ]
        return inputs, []
    fix = "take it away, or declare it: `- inputs: {NAME: {description: …}}` comes first"
    what = "the playbook has no inputs"
    return None, [Mistake((), f"`--set {name}=…`: {what}", fix) for name in given]


def _parse_step(
    index: int, item: Any, texts: Mapping[Place, str]
) -> tuple[str, Model] | list[Mistake]:
    """An item's verb and options, or what is wrong with it.

    ``texts`` are the words for values of inputs; they are taken where only text fits.
    """
    if not isinstance(item, dict) or len(item) != 1:
        what = f"{len(item)} keys in one item" if isinstance(item, dict) else f"is {shown(item)}"
        return [Mistake((index,), what, _FIX)]
    ((verb, options),) = item.items()
    if verb == INPUTS:
        return [Mistake((index, verb), "must be the first item", "move it to the top, as one")]
    if verb not in PLAYBOOK_VERBS:
        known = f"use one of {', '.join(PLAYBOOK_VERBS)}"
        fix = did_you_mean(verb, PLAYBOOK_VERBS, otherwise=known)
        return [Mistake((index, verb), "unknown verb", fix)]
    if not isinstance(options, dict | None):
        what = f"the options must be a mapping, not {shown(options)}"
        return [Mistake((index, verb), what, _FIX)]
    words = {place[2:]: text for place, text in texts.items() if place[:2] == (index, verb)}
    try:
        given = _options(PLAYBOOK_VERBS[verb], options or {}, words)
    except ValidationError as error:
        found = explain(error, PLAYBOOK_VERBS[verb])
        return [_as_written(each, (index, verb), options or {}) for each in found]
    if isinstance(given, ServeOptions) and not given.detach:
        return [Mistake((index, verb), *_NEVER_ENDS)]
    return verb, given


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


def _options(model: type[Model], raw: dict[str, Any], texts: Mapping[Place, str]) -> Model:
    """Options by field name; as JSON, because strictness there allows lists and paths."""
    named = {key.replace("-", "_"): value for key, value in raw.items()}
    try:
        return model.model_validate_json(json.dumps(named), strict=True)
    except ValidationError as error:
        words = {place: text for place, text in texts.items() if _wants_text(_named(place), error)}
        if not words:
            raise
    for place, text in words.items():
        raw = _put(raw, place, text)
    return _options(model, raw, {})


def _wants_text(place: Place, error: ValidationError) -> bool:
    return any(
        detail["type"] in _TEXTS and detail["loc"][: len(place)] == place
        for detail in error.errors(include_url=False)
    )


def _named(place: Place) -> Place:
    return (str(place[0]).replace("-", "_"), *place[1:])


def _put(part: Any, place: Place, text: str) -> Any:
    """``part`` of the options with ``text`` at a place in it."""
    if not place:
        return text
    if isinstance(part, dict):
        return {**part, place[0]: _put(part[place[0]], place[1:], text)}
    return [_put(each, place[1:], text) if n == place[0] else each for n, each in enumerate(part)]


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
