"""Read the files that a user writes, or tell every mistake in them with its line."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from clusterkit.errors import FileMistakes
from clusterkit.model.inventory import Inventory
from clusterkit.model.inventory_checks import find_mistakes
from clusterkit.model.mistakes import Mistake, Place, explain, mistake, shown
from clusterkit.model.source import read_text, read_yaml

if TYPE_CHECKING:
    from clusterkit.model.playbook import Playbook

_Model = TypeVar("_Model", bound=BaseModel)

# A mistake in one of these makes a number of ranks or nodes uncertain, so that what follows
# from it would be a guess.
_COUNTS = {"slots", "gpus", "tp", "pp"}


def load_inventory(path: Path, text: str | None = None) -> Inventory:
    """Read and check one inventory; ``text`` is what is to be written there.

    Raises:
        FileMistakes: With every mistake in the file, not only the first.
    """
    source = read_yaml(path, text)
    raw = source.value
    if not isinstance(raw, dict):
        what = "the file is empty" if raw is None else f"must be a mapping, not {shown(raw)}"
        fix = (
            "write the keys `cluster`, `provider` and `nodes`; `clusterkit init` makes a first one"
        )
        source.report([Mistake((), what, fix)])
    inventory, mistakes = _parse(Inventory, raw)
    places = [mistake.place for mistake in mistakes]
    if inventory is None:
        inventory = _valid_part(raw, places)
    if inventory is not None:
        counted = any(_COUNTS & set(place) for place in places)
        found = find_mistakes(inventory)
        mistakes += [m for m in found if not _follows(m, places, counted=counted)]
    source.report(mistakes)
    assert inventory is not None  # noqa: S101 - without mistakes there is one
    return inventory


def load_playbook(path: Path, given: Mapping[str, str] | None = None) -> Playbook:
    """Read and check one playbook; relative paths in it go from its folder.

    ``given`` are values of its inputs, as ``--set`` has them.

    Raises:
        FileMistakes: With every mistake in the file, not only the first.
    """
    # An inventory is read without the options of all verbs.
    from clusterkit.model.playbook import parse_playbook

    source = read_yaml(path)
    if not isinstance(source.value, list) or not source.value:
        empty = source.value is None or source.value == []
        what = "the file is empty" if empty else f"must be a list, not {shown(source.value)}"
        source.report(
            [Mistake((), what, "write one verb on each line: `- up: {file: pair.yaml}`")]
        )
    playbook, mistakes = parse_playbook(source, path.absolute().parent, given or {})
    source.report(mistakes)
    return playbook


def load_prompts(path: Path, *, stdin: str = "") -> tuple[str, ...]:
    """The prompts of a file of JSON lines: each line a string, or ``{"prompt": "…"}``.

    ``stdin`` is read in its place where ``path`` is ``-``.

    Raises:
        FileMistakes: With every line that is no prompt.
    """
    text = stdin if path == Path("-") else read_text(path)
    prompts, problems = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                prompts.append(_prompt(line))
            except PydanticCustomError as error:
                words = error.context or {}
                problems.append(f"{path}:{number}: {words['what']}. Fix: {words['fix']}")
    if not text.strip():
        problems.append(f"{path}:1: there is no prompt. Fix: write one JSON string on each line")
    if problems:
        raise FileMistakes(problems)
    return tuple(prompts)


def _prompt(line: str) -> str:
    """The prompt of one JSON line."""
    from clusterkit.model.infer_options import checked_prompt

    fix = 'write "a string" or {"prompt": "a string"}'
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise mistake("is not JSON", fix) from None
    if isinstance(value, dict):
        if unknown := [key for key in value if key != "prompt"]:
            raise mistake(f"unknown key `{unknown[0]}`", fix)
        value = value.get("prompt")
    if not isinstance(value, str):
        raise mistake(f"the prompt must be text, not {shown(value)}", fix)
    return checked_prompt(value)


def _parse(model: type[_Model], raw: Any) -> tuple[_Model | None, list[Mistake]]:
    """A model, or what is wrong with it. As JSON, because strictness there allows lists."""
    try:
        return model.model_validate_json(json.dumps(raw), strict=True), []
    except ValidationError as error:
        return None, explain(error, model)


def _valid_part(raw: dict[str, Any], mistaken: list[Place]) -> Inventory | None:
    """The inventory without what is mistaken, so that the rest can be checked all the same."""
    rest = copy.deepcopy(raw)
    if ("provider",) in mistaken:
        if "network" not in rest:
            return None  # which checks hold depends on the provider
        rest["provider"] = "docker"
    if ("cluster",) in mistaken:
        rest["cluster"] = "cluster"
    for place in sorted(mistaken, key=_backwards):
        if place not in (("provider",), ("cluster",)):
            _take_out(rest, place)
    return _parse(Inventory, rest)[0]


def _backwards(place: Place) -> list[tuple[int, str]]:
    """Sort the last items of a list first: taking one out moves those behind it."""
    return [(-part, "") if isinstance(part, int) else (0, part) for part in place]


def _take_out(values: Any, place: Place) -> None:
    """Remove one place; where it is missing, what should have had it. A node stays, as default."""
    holder, key = None, None
    for part in place:
        found = isinstance(values, dict) and part in values
        found = found or (
            isinstance(values, list) and isinstance(part, int) and part < len(values)
        )
        if not found:
            break
        holder, key, values = values, part, values[part]
    if holder is None or key is None:
        return
    if len(place) > 1 and place[0] in ("nodes", "spares") and key == place[1]:
        holder[key] = None
    else:
        del holder[key]


def _follows(found: Mistake, mistaken: list[Place], *, counted: bool) -> bool:
    """Whether something may only be found because of another mistake."""
    place = found.place
    if place[:1] == ("engine",) and counted:
        return True
    if found.what.startswith("missing") and any(
        place == other[: len(place)] for other in mistaken
    ):
        return True
    return any(other == place[: len(other)] for other in mistaken)
