"""Verbs as typer has them, but for the types in their help, and words like ``-30s``."""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperCommand


class Verb(TyperCommand):
    """A command whose help shows no ``<list[str]>`` behind an argument: its text says more."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options."""
        rows: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
        for parameter in self.get_params(ctx):
            name, text = parameter.get_help_record(ctx) or ("", "")
            if parameter.param_type_name == "argument":
                name = name.partition(" <")[0]
            if name:
                rows[parameter.param_type_name].append((name, text))
        for title, kind in (("Arguments", "argument"), ("Options", "option")):
            if rows[kind]:
                with formatter.section(title):
                    formatter.write_dl(rows[kind])


class VerbWithOffsets(Verb):
    """A command among whose arguments may be ``-30s``: no option begins with a digit.

    Such a word comes with a blank before it, which the verb takes off again.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let it pass for no option."""
        words = [f" {word}" if re.match(r"-\d", word) else word for word in args]
        return super().parse_args(ctx, words)
