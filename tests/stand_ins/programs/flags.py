"""A parser of exactly the flags that a program of a version has; others end it with code 2."""

from __future__ import annotations

import argparse
import ast
from typing import Any

from tests.stand_ins.programs.versions import Flags


def parser_of(program: str, flags: Flags) -> argparse.ArgumentParser:
    """What the genuine parser takes, it takes; abbreviations too, as argparse does by itself."""
    parser = argparse.ArgumentParser(prog=program.rpartition("/")[2])
    for name, flag in flags.items():
        if flag.get("positional"):
            parser.add_argument(name)
        else:
            parser.add_argument(name, *flag.get("aliases", ()), **_how(flag))
    return parser


def _how(flag: dict[str, Any]) -> dict[str, Any]:
    if not flag["takes_value"] or flag.get("nargs") == 0:  # such as a pair --x and --no-x
        return {"action": "store_true"}
    how: dict[str, Any] = {"default": flag.get("default"), "required": flag.get("required", False)}
    if "nargs" in flag:
        how["nargs"] = int(flag["nargs"]) if str(flag["nargs"]).isdigit() else flag["nargs"]
        if flag["nargs"] == "?":  # a flag without its value means the default one
            how["const"] = flag.get("default")
    if "choices" in flag:
        how["choices"] = [None if word == "None" else word for word in flag["choices"]]
        how["type"] = lambda word: None if word == "None" else word
    elif (kind := type(flag.get("default"))) in (int, float):
        how["type"] = _whole if kind is int else float
    return how


def _whole(word: str) -> int:
    number = ast.literal_eval(word) if word.lstrip("-").isdigit() else word
    if not isinstance(number, int):
        raise argparse.ArgumentTypeError(f"invalid int value: {word!r}")
    return number
