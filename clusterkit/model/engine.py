"""The ``engine:`` section: what runs inside a rank, and how the model is split over ranks."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from clusterkit import registry
from clusterkit.errors import UsageError, did_you_mean, what_and_fix
from clusterkit.model.base import Model
from clusterkit.model.mistakes import any_of, mistake
from clusterkit.model.models import model_source


def _known(name: str) -> str:
    """An engine that is built in, or that an installed package brings."""
    if not registry.has("engines", name):
        names = registry.names("engines")
        fix = did_you_mean(name, names, otherwise=f"use {any_of(names)}")
        raise mistake(f"must be {any_of(names)}, not `{name}`", fix)
    return name


def _named(setting: str) -> str:
    """A model that can be looked for, by its name or its path."""
    try:
        model_source(setting)
    except UsageError as error:
        what, fix = what_and_fix(str(error))
        raise mistake(what.partition(": ")[2].rstrip("."), fix) from None
    return setting


class EngineSettings(Model):
    """The engine and its settings; a setting that an engine cannot follow, it refuses."""

    name: Annotated[str, AfterValidator(_known)] = Field(
        default="transformers",
        description="transformers: Hugging Face transformers over torch.distributed; on CPUs "
        "over gloo, on GPUs over NCCL. Installed packages may bring more",
        examples=["transformers"],
        # Which have settings of their own.
        json_schema_extra={"not": {"enum": ["tensorrt-llm", "torch-tensorrt", "triton"]}},
    )
    model: Annotated[str, AfterValidator(_named)] = Field(
        default="smollm2-135m",
        min_length=1,
        description="A built-in name, a hub name with a slash, or a path to a folder or GGUF file",
        examples=["smollm2-135m"],
    )
    tp: int = Field(default=1, ge=1, description="Tensor parallel size", examples=[1])
    pp: int = Field(default=1, ge=1, description="Pipeline parallel size", examples=[2])
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto",
        description="auto: float32 on CPUs, where it is exact and no slower; bfloat16 on GPUs",
    )
    threads_per_rank: int | None = Field(
        default=None,
        ge=1,
        description="CPU threads a rank; default: its share of the cores",
        examples=[2],
    )

    compile: Literal["off", "auto"] = Field(
        default="off",
        description="Of `serve`. auto: on GPUs one token is one CUDA graph, made ready before "
        "the server answers; on CPUs as off",
        examples=["auto"],
    )

    launchers: ClassVar[tuple[str, ...]] = ("mpirun", "torchrun")
    """What may start its ranks."""

    @property
    def world_size(self) -> int:
        """How many ranks there are."""
        return self.tp * self.groups

    @property
    def groups(self) -> int:
        """How many groups of tp ranks there are: the stages of a pipeline."""
        return self.pp

    @property
    def split(self) -> dict[str, int]:
        """By how much the work is split, by the names of the settings."""
        return {"tp": self.tp, "pp": self.pp}
