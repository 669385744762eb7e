"""What building an engine means, as a value: programs that run one after another on one node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WORK = "{work}"
"""Stands in a stage's words for the folder in which the engine is made; see `Stage.words`."""

CHECKPOINT = "{work}.checkpoint"
"""The folder of what is converted before it is built; it goes when the engine is there."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One program of a build: ``convert``, ``quantize`` or ``build``.

    ``argv`` has :data:`WORK` and :data:`CHECKPOINT` where it names folders of the build. It runs
    in ``cwd``, with ``env`` added to the node's own.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: str | None = None

    def words(self, work: str) -> tuple[str, ...]:
        """The argv of a build in the folder ``work``."""
        return tuple(
            work + word[len(WORK) :] if word.startswith(WORK) else word for word in self.argv
        )


@dataclass(frozen=True, slots=True)
class EngineBuild:
    """How one engine is built, and what comes of it.

    ``name`` begins the engine's folder: ``llama-70b-fp8-tp1-pp2``. ``key`` is JSON: whatever
    would make another engine of it; its digest ends the folder's name. ``rank_files`` are the
    files that rank ``i`` alone loads, ``common_files`` those that all need, ``other_files`` those
    that may come of it as well and nobody needs to run. ``size_bytes`` estimates the engine,
    ``work_bytes`` what the build needs on the disk besides; None where nobody can tell.
    ``tokenizer`` is the folder whose small files go beside the engine, as ``tokenizer/``.
    """

    name: str
    key: Mapping[str, Any]
    stages: tuple[Stage, ...]
    rank_files: tuple[tuple[str, ...], ...]
    common_files: tuple[str, ...] = ("config.json",)
    other_files: tuple[str, ...] = ()
    tokenizer: str | None = None
    size_bytes: int | None = None
    work_bytes: int | None = None

    @property
    def needed_files(self) -> tuple[str, ...]:
        """The names of what must be there to run it, besides the tokenizer."""
        return (*self.common_files, *(name for names in self.rank_files for name in names))
