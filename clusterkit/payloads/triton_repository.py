"""Fill the templates of a Triton model repository, and find what is wrong before the server does.

Placeholders are ``${name}``. One outside of quotes that nobody fills breaks the file; within
quotes it reaches the backend as text, which takes it for "not specified", with a few exceptions.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Container, Iterator, Mapping, NamedTuple  # noqa: UP035 - Python 3.8

CONFIG = "config.pbtxt"
RUNS_ENGINE = "tensorrt_llm"
"""The model that loads the engine: the only one on ranks that do not serve."""

ON_RANK_0, ON_OTHERS = "--on-rank-0", "--on-other-ranks"
"""Behind which the words for some ranks stand, after those for all."""

NEEDED_IN_QUOTES = frozenset(
    ("engine_dir", "tokenizer_dir", "tokenizer_type", "triton_backend", "batching_strategy")
)
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_ANY_GPU = re.compile(r"\bKIND_(?:GPU|AUTO|MODEL)\b")


class Unfilled(NamedTuple):
    """A placeholder that is still there; without quotes, or one of the few, it is fatal."""

    name: str
    line: int
    is_fatal: bool


def fill(text: str, values: Mapping[str, str]) -> str:
    """``text`` with the values that there are; within quotes they are escaped."""
    found = []
    for line in text.splitlines(keepends=True):
        code, comment = _without_comment(line)
        spans = [match.span() for match in _STRING.finditer(code)]

        def value(match: re.Match[str], spans: list[tuple[int, int]] = spans) -> str:
            if match[1] not in values:
                return match[0]
            quoted = any(start < match.start() < end for start, end in spans)
            given = values[match[1]]
            return _escaped(given) if quoted else given

        found.append(_PLACEHOLDER.sub(value, code) + comment)
    return "".join(found)


def placeholders(text: str) -> set[str]:
    """The names of all that a template has, but for those in comments."""
    return {each.name for each in unfilled(text)}


def unfilled(text: str) -> list[Unfilled]:
    """What nobody filled, in the order of the text."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        code, _ = _without_comment(line)
        spans = [match.span() for match in _STRING.finditer(code)]
        for match in _PLACEHOLDER.finditer(code):
            quoted = any(start < match.start() < end for start, end in spans)
            found.append(Unfilled(match[1], number, not quoted or match[1] in NEEDED_IN_QUOTES))
    return found


def problems(
    templates: Mapping[str, str], files: Mapping[str, Container[str]], values: Mapping[str, str]
) -> Iterator[str]:
    """What would keep the server from its models, each with a fix.

    ``templates`` maps the names of models to their config.pbtxt, ``files`` to what is in their
    version 1.
    """
    for model, text in sorted(templates.items()):
        filled = fill(text, values)
        for each in unfilled(filled):
            if each.is_fatal:
                yield (
                    f"{model}/{CONFIG}:{each.line}: nobody fills ${{{each.name}}}. "
                    f"Fix: engine.parameters: {{{each.name}: …}}"
                )
        if field(filled, "backend") == "python" and "model.py" not in files.get(model, []):
            yield (
                f"{model}/1 has no model.py, which its backend `python` runs. "
                "Fix: the whole folder of the release as engine.templates"
            )
        if model == RUNS_ENGINE:
            yield from _instance_problems(model, filled)
    if RUNS_ENGINE not in templates:
        yield (
            f"the templates have no model {RUNS_ENGINE}. "
            "Fix: engine.templates: the folder inflight_batcher_llm of the release"
        )


def field(text: str, name: str) -> str | None:
    """The value of a field that a config.pbtxt has once, such as ``decoupled``."""
    found = re.search(rf'\b{name}\s*:\s*"?([^\s"}},]+)', without_comments(text))
    return found[1] if found else None


def without_comments(text: str) -> str:
    """The code alone."""
    return "\n".join(_without_comment(line)[0] for line in text.splitlines())


def make(templates: Path, folder: Path, values: Mapping[str, str]) -> None:
    """Write a filled repository; each model gets a version, which git would not keep if empty."""
    for config in sorted(templates.glob(f"*/{CONFIG}")):
        target = folder / config.parent.name
        shutil.copytree(config.parent, target)
        (target / "1").mkdir(exist_ok=True)
        text = config.read_text(encoding="utf-8")
        (target / CONFIG).write_text(fill(text, values), encoding="utf-8")


def _instance_problems(model: str, text: str) -> Iterator[str]:
    """The engine's model is one instance of kind CPU; its GPU is the engine's own business."""
    block = _block(without_comments(text), "instance_group")
    kind = _ANY_GPU.search(block)
    count = re.search(r"\bcount\s*:\s*([0-9]+)", block)
    if kind or (count and count[1] != "1"):
        yield (
            f"{model}/{CONFIG}: instance_group must be one of KIND_CPU: with "
            f"{kind[0] if kind else f'count {count[1] if count else 0}'} ranks hang or take each "
            "other's ports. Fix: `count: 1` and `kind: KIND_CPU`"
        )


def _block(text: str, name: str) -> str:
    """What is between the brackets of a field."""
    start = re.search(rf"\b{name}\s*:?\s*\[", text)
    if start is None:
        return ""
    depth = 1
    for place in range(start.end(), len(text)):
        depth += {"[": 1, "]": -1}.get(text[place], 0)
        if not depth:
            return text[start.end() : place]
    return text[start.end() :]


def _without_comment(line: str) -> tuple[str, str]:
    """A line of code and its comment; a # within quotes begins none."""
    masked = _STRING.sub(lambda match: "x" * len(match[0]), line)
    start = masked.find("#")
    return (line, "") if start < 0 else (line[:start], line[start:])


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
