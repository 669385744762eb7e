"""What a playbook asks for: its inputs, their values, and where these stand in its strings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, RootModel, ValidationError, model_validator

from clusterkit.errors import did_you_mean
from clusterkit.model.base import Model
from clusterkit.model.container import absolute
from clusterkit.model.mistakes import Mistake, Place, explain, mistake, shown

INPUTS = "inputs"
"""The key of the first item, which is no verb."""

Value = str | int | bool

NAME = r"^[a-z][a-z0-9_-]*$"
_PLACE = re.compile(r"\$(\$?)\{([^}]*)\}")
_WORDS = {"true": True, "false": False}


def _named(name: str) -> str:
    if not re.fullmatch(NAME, name):
        raise mistake(
            f"`{name}` is no name of an input",
            "use lower-case letters, digits, `-` and `_`, a letter first",
        )
    return name


class PlaybookInput(Model):
    """One value that a playbook asks for; without a default it must be given."""

    description: str = Field(
        min_length=1, description="What it is", examples=["The folder of the examples"]
    )
    type: Literal["string", "path", "integer", "boolean"] = Field(
        default="string",
        description="`path` goes from the playbook's folder, or from where `--set` is typed",
        examples=["path"],
    )
    default: str | int | bool | None = Field(
        default=None, description="Its value where none is given", examples=["../examples"]
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        wanted = {"integer": int, "boolean": bool}.get(self.type, str)
        if self.default is not None and type(self.default) is not wanted:
            raise mistake(
                f"the default {shown(self.default)} is no {self.type}",
                f"write {_EXAMPLES[self.type]}, or change `type`",
            )
        return self


class PlaybookInputs(RootModel[dict[Annotated[str, AfterValidator(_named)], PlaybookInput]]):
    """All inputs by their names."""


_EXAMPLES = {
    "string": 'text, such as "two"',
    "path": "a path, such as ../examples",
    "integer": "a whole number, such as 2",
    "boolean": "true or false",
}


@dataclass(slots=True)
class Inputs:
    """The values of one playbook's inputs, and what is wrong with them.

    ``unfilled`` are places of strings that wait for a value: what they are is not known.
    ``texts`` are the words for values of another type that stand alone, by their places.
    """

    values: dict[str, Value] = field(default_factory=dict[str, Value])
    known: frozenset[str] = frozenset()
    mistakes: list[Mistake] = field(default_factory=list[Mistake])
    unfilled: set[Place] = field(default_factory=set[Place])
    texts: dict[Place, str] = field(default_factory=dict[Place, str])

    def filled(self, value: Any, place: Place) -> Any:
        """``value`` with ``${name}`` replaced in its strings, once.

        A string that is no more than that becomes the input's value, of its type.
        """
        match value:
            case str():
                return self._filled_text(value, place)
            case list():
                return [self.filled(each, (*place, n)) for n, each in enumerate(value)]
            case dict():
                return {key: self.filled(each, (*place, key)) for key, each in value.items()}
            case _:
                return value

    def _filled_text(self, text: str, place: Place) -> Value:
        if (whole := _PLACE.fullmatch(text)) and not whole[1] and whole[2] in self.values:
            alone = self.values[whole[2]]
            if not isinstance(alone, str):
                self.texts[place] = _as_text(alone)
            return alone

        def value_of(found: re.Match[str]) -> str:
            name = found[2]
            if found[1]:  # $${name} is ${name} as it stands
                return found[0][1:]
            if name not in self.known:
                plain = f"for these characters themselves write `$${{{name}}}`"
                fix = did_you_mean(name, self.known, otherwise=plain)
                self.mistakes.append(Mistake(place, f"there is no input `{name}`", fix))
            if name not in self.values:
                self.unfilled.add(place)
            return _as_text(self.values.get(name, found[0]))

        return _PLACE.sub(value_of, text)


def _as_text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_inputs(raw: Any, given: Mapping[str, str], base: Path) -> Inputs:
    """The inputs that ``raw`` declares, with what ``--set`` gives.

    Paths go from the folder ``base``, and those of ``given`` from where it was typed.
    """
    try:
        declared = PlaybookInputs.model_validate(raw, strict=True).root
    except ValidationError as error:
        known = frozenset(raw) if isinstance(raw, dict) else frozenset()
        return Inputs(known=known, mistakes=explain(error, PlaybookInputs))
    inputs = Inputs(known=frozenset(declared))
    if not declared:
        inputs.mistakes.append(Mistake((), "there is none", "name one, or take this item out"))
    for name in given:
        if name not in declared:
            fix = did_you_mean(name, declared, otherwise=f"use one of {', '.join(declared)}")
            inputs.mistakes.append(Mistake((), f"`--set {name}=…`: no such input", fix))
    for name, one in declared.items():
        if name in given:
            value = _typed(given[name], one)
        elif one.type == "path" and isinstance(one.default, str):
            value = absolute(one.default, base)
        else:
            value = one.default
        if value is not None:
            inputs.values[name] = value
        elif name in given and not _is_utf8(given[name]):
            what = f"`--set {name}=…` is not UTF-8"
            inputs.mistakes.append(Mistake((name,), what, "type it in a UTF-8 terminal"))
        elif name in given:
            what = f"`--set {name}={given[name]}` is no {one.type}"
            inputs.mistakes.append(Mistake((name,), what, f"give {_EXAMPLES[one.type]}"))
        else:
            fix = f"add `--set {name}=VALUE` ({one.description}), or write a `default`"
            inputs.mistakes.append(Mistake((name,), "it has no value", fix))
    return inputs


def _is_utf8(word: str) -> bool:
    """Whether the word was: what was not has lone surrogates for its bytes."""
    return not any("\ud800" <= each <= "\udfff" for each in word)


def _typed(word: str, one: PlaybookInput) -> Value | None:
    """A word of the command line as its input's type has it; None where it does not fit."""
    if not _is_utf8(word):
        return None
    match one.type:
        case "integer":
            return int(word) if re.fullmatch(r"-?\d{1,18}", word, re.ASCII) else None
        case "boolean":
            return _WORDS.get(word)
        case "path":
            return absolute(word, Path.cwd()) if word else None
        case _:
            return word
