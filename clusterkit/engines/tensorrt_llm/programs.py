"""One program of a build with its flags: theirs, ours, and those that the user adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterkit.engines.engine_build import Stage
from clusterkit.engines.tensorrt_llm.flags import Flag, check_flags, settings_of, words_of
from clusterkit.engines.tensorrt_llm.wanted import Wanted

_EXTRA = Literal["convert_flags", "build_flags"]
_QUICKER = ("--workers", "--parallel_build")
"""These change how long a build takes, and nothing of the engine."""


@dataclass(frozen=True, slots=True)
class Program:
    """``path`` is a script below ``examples/``, or a console program by its bare name.

    ``takes`` is the setting whose words it takes besides. ``forbids`` are more flags that the
    user may not give, each with the setting to use instead.
    """

    name: str
    path: str
    flags: tuple[Flag, ...]
    takes: _EXTRA
    forbids: tuple[tuple[str, str], ...] = ()

    def stage(self, wanted: Wanted) -> Stage:
        """What runs."""
        return Stage(self.name, self._argv(wanted, self.flags))

    def identity(self, wanted: Wanted) -> list[str]:
        """Its words without what only makes it quicker."""
        kept = tuple(one for one in self.flags if one.name not in _QUICKER)
        return [self.name, *self._argv(wanted, kept)[0 if self._is_console else 1 :]]

    def problems(self, wanted: Wanted) -> list[str]:
        """What is wrong with the words that the user adds."""
        ours = settings_of(self.flags) | dict(self.forbids)
        found = check_flags(self.path, wanted.version, self._extra(wanted), ours=ours)
        return [f"engine.{self.takes}: {problem}" for problem in found]

    @property
    def _is_console(self) -> bool:
        return not self.path.endswith(".py")

    def _argv(self, wanted: Wanted, flags: tuple[Flag, ...]) -> tuple[str, ...]:
        start = (wanted.python, f"{wanted.settings.examples}/{self.path}")
        words = words_of(flags, self._extra(wanted))
        return (*((self.path,) if self._is_console else start), *words)

    def _extra(self, wanted: Wanted) -> tuple[str, ...]:
        settings = wanted.settings
        return settings.convert_flags if self.takes == "convert_flags" else settings.build_flags
