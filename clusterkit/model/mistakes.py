"""What is wrong with something the user wrote: where, what, and how to mend it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from clusterkit.errors import did_you_mean
from clusterkit.model.base import NAME

Place = tuple[int | str, ...]
"""Keys and list positions from the top of a file: ``("nodes", "node1", "gpus", 0)``."""

_Example = Callable[[str, str], str]
_SHAPES = dict.fromkeys(
    ("dict_type", "model_type", "model_attributes_type"), "`KEY: VALUE`, each on a line of its own"
)
NAME_FIX = "use lower-case letters, digits and hyphens, at most 63, a letter first"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake at one place. ``what`` and ``fix`` are clauses without a full stop."""

    place: Place
    what: str
    fix: str

    def __str__(self) -> str:
        where = f"{field_path(self.place)}: " if self.place else ""
        return f"{where}{self.what}. Fix: {self.fix}"


def mistake(what: str, fix: str) -> PydanticCustomError:
    """The error for a validator to raise; the place is where the validator sits."""
    return PydanticCustomError("clusterkit", "{what}", {"what": what, "fix": fix})


def field_path(place: Place) -> str:
    """Render ``("nodes", "node1", "gpus", 0)`` as ``nodes.node1.gpus[0]``."""
    path = ""
    for part in place:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def explain(
    error: ValidationError,
    model: type[BaseModel],
    *,
    example: _Example = "`{}: {}`".format,
) -> list[Mistake]:
    """Every error of ``model``'s validation, in our own words.

    ``example`` writes a key and a value as the user would.
    """
    schema = model.model_json_schema()
    return [_explain(detail, schema, example) for detail in error.errors(include_url=False)]


def _explain(detail: ErrorDetails, schema: dict[str, Any], example: _Example) -> Mistake:
    written = tuple(part for part in detail["loc"] if part != "[key]")
    place = tuple(part for part in written if not _is_tag(part))
    context = detail.get("ctx", {})
    if detail["type"] == "clusterkit":
        return Mistake(place, str(context["what"]), str(context["fix"]))
    if detail["type"] == "extra_forbidden":
        return unknown_key(place, _part(schema, written[:-1]).get("properties", {}))
    if detail["type"] == "missing":
        return Mistake(place, "missing", f"add {_example(schema, written, example)}")
    if detail["loc"][-1:] == ("[key]",) and detail["type"] == "literal_error":
        return unknown_key(place, _words(context["expected"]))
    what, fix = _wording(detail["type"], detail["input"], context)
    shape = _SHAPES.get(detail["type"])
    if shape and not fix and not _examples(schema, written):
        fix = f"write {shape}"
    return Mistake(place, what, fix or f"write for example {_example(schema, written, example)}")


def _is_tag(part: int | str) -> bool:
    """Whether it says which of several models was meant: ``[NAME]``, a definition's name."""
    return isinstance(part, str) and part.startswith("[")


def unknown_key(place: Place, known: Iterable[str]) -> Mistake:
    """The mistake of a key that has no meaning at its place."""
    keys = sorted(known)
    fix = did_you_mean(str(place[-1]), keys, otherwise=f"use one of {', '.join(keys)}")
    return Mistake(place, "unknown key", fix)


def _wording(kind: str, given: Any, context: dict[str, Any]) -> tuple[str, str]:
    """What is wrong, and the fix; an empty fix means that an example shows it best."""
    was = shown(given)
    if isinstance(given, bool | int | float) and kind == "string_type":
        return f"must be text, not {was}", f'put it in quotes: "{json.dumps(given)}"'
    if isinstance(given, str) and given.isdecimal() and kind in ("int_type", "float_type"):
        return f"must be a number, not the text {was}", f"take the quotes away: {given}"
    match kind:
        case "int_type" | "int_from_float" | "int_parsing":
            return f"must be a whole number, not {was}", ""
        case "float_type" | "finite_number":
            return f"must be a number, not {was}", ""
        case "bool_type":
            return f"must be true or false, not {was}", "write true or false, without quotes"
        case "string_type" | "path_type":
            return f"must be text, not {was}", ""
        case "tuple_type" | "list_type":
            return f"must be a list, not {was}", ""
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"must be a mapping, not {was}", ""
        case "literal_error":
            words = _words(context["expected"])
            fix = did_you_mean(str(given), words, otherwise=f"use {any_of(words)}")
            return f"must be {any_of(words)}, not {was}", fix
        case "greater_than_equal":
            return f"must be at least {context['ge']:g}, not {was}", ""
        case "greater_than":
            return f"must be more than {context['gt']:g}, not {was}", ""
        case "less_than_equal":
            return f"must be at most {context['le']:g}, not {was}", ""
        case "string_too_short" | "too_short":
            return "must not be empty", ""
        case "string_pattern_mismatch" if context["pattern"] != NAME:
            return f"{was} is not written as it must be", ""
        case "string_pattern_mismatch":
            return f"{was} is not a name", NAME_FIX
        case _:
            return f"{was} does not fit ({kind.replace('_', ' ')})", ""


def shown(given: Any) -> str:
    """A value as a message quotes it."""
    match given:
        case None:
            return "empty"
        case bool() | int() | float():
            return f"`{json.dumps(given)}`"
        case str():
            return f"`{given}`" if len(given) <= 60 else f"`{given[:57]}…`"
        case dict():
            return "a mapping"
        case _:
            return "a list"


def _words(expected: str) -> list[str]:
    """The choices in pydantic's ``'a', 'b' or 'c'``."""
    return re.findall(r"'([^']*)'", expected)


def any_of(words: Sequence[str]) -> str:
    """``a, b or c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _example(schema: dict[str, Any], place: Place, example: _Example) -> str:
    """``key: example``, as the schema has it for this place or the nearest one above."""
    if found := _examples(schema, place):
        return example(found[0], _as_yaml(found[1]))
    return f"`{place[-1]}`" if place else "its keys"


def _examples(schema: dict[str, Any], place: Place) -> tuple[str, Any] | None:
    for length in range(len(place), 0, -1):
        key, part = place[length - 1], _part(schema, place[:length], follow=False)
        examples = part.get("examples", [part[name] for name in ("default",) if part.get(name)])
        if isinstance(key, str) and examples:
            return key, examples[0]
    return None


def _as_yaml(value: Any) -> str:
    """A value on one line of YAML; JSON, but for text that needs no quotes."""
    text = json.dumps(value, ensure_ascii=False)
    bare = isinstance(value, str) and value[:1].isalpha() and ": " not in value
    return str(value) if bare else text


def _part(schema: dict[str, Any], place: Place, *, follow: bool = True) -> dict[str, Any]:
    """The piece of a JSON schema that describes one place; empty where there is none."""
    part = schema
    for word in place:
        if _is_tag(word):
            part = schema["$defs"][str(word).strip("[]")]
            continue
        part = _followed(schema, part)
        if isinstance(word, int):
            part = part.get("items") or part
        else:
            part = part.get("properties", {}).get(word) or part.get("additionalProperties") or {}
        if not isinstance(part, dict):
            return {}
    return _followed(schema, part) if follow else part


def _followed(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """``part`` with its reference, or the one of its choices that is not null, looked up."""
    while "$ref" in part or "anyOf" in part:
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rpartition("/")[2]]
        else:
            part = next(choice for choice in part["anyOf"] if choice.get("type") != "null")
    return part


def number(count: int, what: str) -> str:
    """A count in words: ``1 node``, ``2 addresses``."""
    plural = "es" if what.endswith("s") else "s"
    return f"{count} {what}{'' if count == 1 else plural}"
