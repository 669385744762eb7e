"""The flags of the vendor's programs, version by version, from the parsers that were read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from packaging.version import Version

_SPEC = re.compile(r"(?P<required>!?)(?P<takes>[-=?+]|\d)(?P<choices>\S*)(?P<aliases>.*)")
_FOLDERS = ("examples/", "models/core/", "models/contrib/")
_GONE = "gone"


@dataclass(frozen=True, slots=True)
class FlagSpec:
    """What one flag takes: ``-`` nothing, ``=`` a value, ``?`` one or none, ``+`` some, ``2`` two.

    ``choices`` empty: any value.
    """

    takes: str
    choices: tuple[str, ...] = ()
    required: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def fewest(self) -> int:
        """How many values must follow it."""
        return (
            {"-": 0, "?": 0, "=": 1, "+": 1}[self.takes]
            if self.takes in "-?=+"
            else int(self.takes)
        )

    @property
    def most(self) -> int | None:
        """How many values may follow it; None: as many as one likes."""
        return None if self.takes == "+" else 1 if self.takes == "?" else self.fewest


Known = Mapping[str, FlagSpec | Literal["perhaps"]]
"""Flag -> what it takes; ``perhaps``: one of the two versions around has it, nobody tells more."""


def known_flags(program: str, version: Version) -> Known | None:
    """The flags of ``program`` (``llama/build.py``, ``trtllm-build``); None: it was not read.

    Between two versions that were read, what both know is known; what one knows and the text of
    a release tells is as told; else it may be there. Beyond the last, and before the first one
    that were read, the nearest stands.
    """
    data = _programs().get(plain_name(program))
    if data is None:
        return None
    read_at = [Version(text) for text in data["read_at"]]
    before = max((at for at in read_at if at <= version), default=read_at[0])
    after = min((at for at in read_at if at >= version), default=read_at[-1])
    told = data.get("told", {})
    known: dict[str, FlagSpec | Literal["perhaps"]] = {}
    for flag, history in data["flags"].items():
        specs = (_at(history, before), _at(history, after))
        spec = _between(*specs, told.get(flag), version)
        if spec is not None:
            known[flag] = spec
    return known


def plain_name(program: str) -> str:
    """The name of a program wherever its version keeps it below ``examples/``."""
    for folder in _FOLDERS:
        program = program.removeprefix(folder)
    return program.replace("glm-4-9b/", "chatglm/")


def _between(
    before: FlagSpec | None,
    after: FlagSpec | None,
    told: tuple[str | None, str | None] | None,
    version: Version,
) -> FlagSpec | Literal["perhaps"] | None:
    """What a flag takes in a version, from the versions around it and what releases tell."""
    if before and after:
        return _either(before, after)
    one = before or after
    if one and told:
        return one if _is_in(version, *told) else None
    return "perhaps" if one else None


def _either(before: FlagSpec, after: FlagSpec) -> FlagSpec | Literal["perhaps"]:
    """What both ends agree on; of values, those of either."""
    if before.takes != after.takes:
        return "perhaps"
    both = dict.fromkeys((*before.choices, *after.choices))
    choices = tuple(both) if before.choices and after.choices else ()
    return FlagSpec(
        before.takes,
        choices,
        before.required and after.required,
        tuple(dict.fromkeys((*before.aliases, *after.aliases))),
    )


def _is_in(version: Version, since: str | None, gone: str | None) -> bool:
    release = version.release
    after = since is None or release >= Version(since).release
    return after and (gone is None or release < Version(gone).release)


@cache
def _at(history: str, version: Version) -> FlagSpec | None:
    """A flag as it was when ``version`` was read."""
    found = None
    for entry in history.split("; "):
        at, _, spec = entry.partition(": ")
        if Version(at) > version:
            break
        found = None if spec == _GONE else spec
    return None if found is None else _parsed(found)


def _parsed(spec: str) -> FlagSpec:
    match = _SPEC.fullmatch(spec)
    assert match is not None, spec  # noqa: S101 - our own data
    return FlagSpec(
        match["takes"],
        tuple(filter(None, match["choices"].split(","))),
        bool(match["required"]),
        tuple(match["aliases"].split()),
    )


@cache
def _programs() -> Mapping[str, Any]:
    text = files(__package__).joinpath("flags.json").read_text(encoding="utf-8")
    programs: Mapping[str, Any] = json.loads(text)["programs"]
    return programs
