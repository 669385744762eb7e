"""Flags that users add to the vendor's programs, checked before anything starts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from packaging.version import Version

from clusterkit.engines.tensorrt_llm.known_flags import FlagSpec, Known, known_flags
from clusterkit.errors import did_you_mean
from clusterkit.model.mistakes import any_of

_NUMBER = re.compile(r"-[0-9.]+(e-?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag that clusterkit gives; ``setting`` decides it. None: users may replace it."""

    name: str
    values: tuple[str, ...] = ()
    setting: str | None = None


def flag(name: str, *values: object, setting: str | None = None) -> Flag:
    """A flag with its values in words."""
    return Flag(name, tuple(map(str, values)), setting)


def words_of(flags: tuple[Flag, ...], extra: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The words of a program: ours, without those that ``extra`` replaces, then ``extra``."""
    replaced = {name for name, _ in _given(extra)}
    kept = [one for one in flags if one.setting is not None or one.name not in replaced]
    return (*(word for one in kept for word in (one.name, *one.values)), *extra)


def settings_of(flags: tuple[Flag, ...]) -> dict[str, str]:
    """Flag -> the setting that users change instead of giving it."""
    return {one.name: one.setting for one in flags if one.setting is not None}


def has_flag(words: tuple[str, ...], name: str) -> bool:
    """Whether the words give a flag, also as ``--flag=value``."""
    return any(given == name for given, _ in _given(words))


def check_flags(
    program: str, version: Version, words: tuple[str, ...], *, ours: Mapping[str, str]
) -> list[str]:
    """What is wrong with the words that a user adds, one problem each with its fix.

    ``program`` is its path below ``examples/``, or the name of a console program. ``ours`` maps
    the flags that clusterkit sets to the setting that decides each.
    """
    known = known_flags(program, version)
    problems: list[str] = []
    if words and not _is_flag(words[0]):
        problems.append(f"`{words[0]}` is no flag of {program}. Fix: begin with a flag")
    for name, values in _given(words):
        names = _names(name, known)
        setting = next((ours[one] for one in names if one in ours), None)
        if setting is not None:
            problems.append(f"`{name}` is set by clusterkit. Fix: use {setting}")
        elif known is not None and (problem := _problem(name, values, known, program, version)):
            problems.append(problem)
    return problems


def last_value(words: tuple[str, ...], name: str) -> str | None:
    """What a flag was given last, as argparse takes it; empty: no value; None: not given."""
    given = [values for flag, values in _given(words) if flag == name]
    return next(iter(given[-1]), "") if given else None


def _problem(
    name: str, values: tuple[str, ...], known: Known, program: str, version: Version
) -> str | None:
    """What is wrong with one flag and the values that follow it."""
    spec = _spec(name, known)
    if spec is None:
        fix = did_you_mean(name, known, otherwise="leave it out")
        return f"`{name}` is no flag of {program} in TensorRT-LLM {version}. Fix: {fix}"
    if spec == "perhaps":
        return None
    assert isinstance(spec, FlagSpec)  # noqa: S101 - for the type checker
    if len(values) < spec.fewest:
        wanted = "a value" if spec.fewest == 1 else f"{spec.fewest} values"
        return f"`{name}` of {program} needs {wanted}. Fix: add {wanted}{_among(spec)}"
    if spec.most is not None and len(values) > spec.most:
        takes = f"{spec.most} value{'s'[: spec.most != 1]}" if spec.most else "no value"
        extra = " ".join(values[spec.most :])
        return f"`{name}` of {program} takes {takes}. Fix: take `{extra}` away"
    wrong = [value for value in values if spec.choices and value not in spec.choices]
    if wrong:
        return f"`{name}` of {program} cannot be `{wrong[0]}`. Fix: use {any_of(spec.choices)}"
    return None


def _among(spec: FlagSpec) -> str:
    return f" ({', '.join(spec.choices)})" if spec.choices else ""


def _spec(name: str, known: Known) -> FlagSpec | str | None:
    for one in _names(name, known):
        if one in known:
            return known[one]
    return None


def _names(name: str, known: Known | None) -> tuple[str, ...]:
    """A flag's name as given, and the one that it is another name of."""
    others = (
        main
        for main, spec in (known or {}).items()
        if isinstance(spec, FlagSpec) and name in spec.aliases
    )
    return (name, *others)


def _given(words: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each flag with the values that follow it; words before the first flag are left out."""
    name: str | None = None
    values: list[str] = []
    for word in words:
        if not _is_flag(word):
            values.append(word)
            continue
        if name is not None:
            yield name, tuple(values)
        name, equals, value = word.partition("=")
        values = [value] if equals else []
    if name is not None:
        yield name, tuple(values)


def _is_flag(word: str) -> bool:
    return word.startswith("-") and not _NUMBER.fullmatch(word)
