"""The vendor's own parsers, made anew from their flags, to judge whole command lines.

``trtllm_flags.json`` holds the flags of the parsers of six versions, as their own programs list
them. What it lacks, and was read in the sources, is in ``READ``. A version between two that are
there is judged by both: a flag must be in one of them, a value among the choices of one of them,
and what both require must be given.
"""

from __future__ import annotations

import argparse
import json
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from packaging.version import Version

_FILE = Path(__file__).parent / "trtllm_flags.json"
_ONE: dict[str, Any] = {"takes_value": True}
_REQUIRED = _ONE | {"required": True}
READ: dict[str, dict[str, dict[str, Any]]] = {
    "v0.5.0": {
        "examples/llama/quantize.py": {
            "--model_dir": _REQUIRED,
            "--dtype": _ONE,
            "--qformat": _ONE | {"choices": ["fp8", "int8_sq"]},
            "--calib_size": _ONE,
            "--export_path": _ONE,
            "--tp_size": _ONE,
            "--seed": _ONE,
        },
        "examples/gpt/hf_gpt_convert.py": {
            "--out-dir": _REQUIRED | {"aliases": ["-o"]},
            "--in-file": _REQUIRED | {"aliases": ["-i"]},
            "--tensor-parallelism": _ONE | {"aliases": ["-tp"]},
            "--storage-type": _ONE
            | {"aliases": ["-t"], "choices": ["float32", "float16", "bfloat16"]},
            "--processes": _ONE | {"aliases": ["-p"]},
        },
    },
    "v0.7.1": {
        "examples/llama/quantize.py": {
            "--model_dir": _REQUIRED,
            "--dtype": _ONE,
            "--qformat": _ONE | {"choices": ["fp8", "int4_awq"]},
            "--calib_size": _ONE,
            "--export_path": _ONE,
            "--cache_dir": _ONE,
            "--seed": _ONE,
        },
    },
}

QWEN_IN_0_8: dict[str, Any] = {
    "--quant_ckpt_path": _ONE,
    "--weight_only_precision": _ONE
    | {"nargs": "?", "choices": ["int8", "int4", "int4_awq", "int4_gptq"]},
}
"""What is new in examples/qwen/build.py since 0.7.1, of what is needed here (at b57221b7)."""


class Refused(Exception):
    """A vendor's parser would not take the line."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refused(message)


def judge(version: Version, argv: tuple[str, ...], *, examples: str) -> str:
    """The program that takes this line; its name as the flags file has it.

    Raises:
        Refused: If the parser of that version would not take it, or there is no such program.
    """
    is_script = argv[1].startswith(f"{examples}/")
    name = f"examples/{argv[1].removeprefix(examples + '/')}" if is_script else argv[0]
    words = argv[2 if is_script else 1 :]
    if not _around(version, name):
        raise Refused(f"no program {name}")
    _parser(version, name).parse_args(list(words))
    return name


@cache
def _around(version: Version, name: str) -> list[dict[str, dict[str, Any]]]:
    """The flags of a program in this version, or in the nearest before and after it."""
    every = _versions()
    if version in every and name in every[version]:
        return [every[version][name]]
    if version in every and _has_parser_of(version):
        same = [key for key in every[version] if _plain(key) == _plain(name)]
        if same:
            raise Refused(f"no program {name}; it is {same[0]}")
    having = {
        at: flags
        for at, programs in every.items()
        for key, flags in programs.items()
        if _plain(key) == _plain(name) and not (key == "trtllm-build" and at < Version("0.8"))
    }
    before = max((at for at in having if at <= version), default=None)
    after = min((at for at in having if at >= version), default=None)
    return [having[at] for at in dict.fromkeys((before, after)) if at is not None]


@cache
def _has_parser_of(version: Version) -> bool:
    return f"v{version}" in json.loads(_FILE.read_text())


@cache
def _parser(version: Version, name: str) -> _Parser:
    around = _around(version, name)
    parser = _Parser(allow_abbrev=False)
    flags = {name: None for program in around for name in program}
    for flag in flags:
        here = [program[flag] for program in around if flag in program]
        if flag.startswith("-"):
            names = [flag, *(name for name in _aliases(here) if name not in flags)]
            parser.add_argument(*names, **_takes(here, of=len(around)))
        else:  # a word that stands for itself, such as the model of trtllm-serve
            parser.add_argument(flag)
    return parser


def _aliases(here: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(alias for one in here for alias in one.get("aliases", ())))


def _takes(here: list[dict[str, Any]], *, of: int) -> dict[str, Any]:
    kinds = {one.get("takes_value", True) for one in here}
    counts = {one.get("nargs") for one in here}
    required = len(here) == of and all(one.get("required") for one in here)
    if kinds == {False} or counts == {0}:  # 0: a pair of --x and --no-x
        return {"action": "store_true", "required": required}
    nargs = "?" if len(kinds) > 1 else counts.pop() if len(counts) == 1 else "*"
    lists = [one.get("choices") for one in here]
    choices = {str(choice) for some in lists for choice in some or () if choice not in _UNTYPED}
    is_open = any(some is None or set(some) <= set(_UNTYPED) for some in lists)
    return {"nargs": nargs, "choices": None if is_open else choices, "required": required}


_UNTYPED = (None, False, "None", "False")
"""Choices that no word can be: ``None`` was added to a list that is not in the flags file."""


def _plain(name: str) -> str:
    return name.replace("models/core/", "").replace("glm-4-9b/", "chatglm/")


@cache
def _versions() -> dict[Version, dict[str, dict[str, Any]]]:
    every: dict[Version, dict[str, dict[str, Any]]] = {}
    for source in (json.loads(_FILE.read_text()), READ):
        for version, programs in source.items():
            every.setdefault(Version(version), {}).update(programs)
    qwen = every[Version("0.7.1")]["examples/qwen/build.py"]
    every[Version("0.8.0")] = {"examples/qwen/build.py": qwen | QWEN_IN_0_8}
    return every
