"""The ``engine:`` section for Torch-TensorRT."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from clusterkit.model.container import NodePath
from clusterkit.model.engine import EngineSettings
from clusterkit.model.mistakes import mistake, shown

Backend = Literal["torch_tensorrt", "inductor", "eager"]
Collectives = Literal["auto", "native", "trtllm", "pytorch"]
Precision = Literal["float32", "float16", "bfloat16", "int8"]
Option = bool | int | float | str | tuple[str, ...]

COMPILE_SETTINGS = (
    "use_distributed_mode_trace",
    "use_python_runtime",
    "use_explicit_typing",
    "min_block_size",
    "enabled_precisions",
)
"""Fields that are torch_tensorrt's own settings, by the same names."""


def _not_split(stages: int) -> int:
    if stages != 1:
        raise mistake(f"must be 1, not `{stages}`: layers are not split", "use tp, or dp")
    return stages


def _an_option(value: Any) -> Any:
    words = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    if not words and not isinstance(value, bool | int | float | str):
        raise mistake(
            f"must be true or false, a number, text, or a list of text, not {shown(value)}",
            "write for example `optimization_level: 5`",
        )
    return value


def _any(names: tuple[Precision, ...] | None) -> tuple[Precision, ...] | None:
    if names == ():
        raise mistake("names no precision", "leave it out, or name one such as float16")
    return names


class TorchTensorRtSettings(EngineSettings):
    """Torch-TensorRT: every rank compiles its own part of the model when it starts.

    ``dp`` replicas of ``tp`` ranks each; each replica answers its share of the prompts.
    """

    name: Literal["torch-tensorrt"] = Field(
        description="Hugging Face transformers compiled in each rank, by Torch-TensorRT or by "
        "PyTorch's own compiler"
    )
    pp: Annotated[int, AfterValidator(_not_split)] = Field(
        default=1, description="Layers are not split here", json_schema_extra={"const": 1}
    )
    compile: Literal["off"] = Field(
        default="off", description="`backend` says what compiles the model here"
    )
    dp: int = Field(
        default=1, ge=1, description="Replicas; each answers its share of prompts", examples=[2]
    )
    backend: Backend = Field(
        default="torch_tensorrt",
        description="What torch.compile is given. inductor needs no TensorRT and runs on CPUs "
        "too; eager compiles nothing",
    )
    version: str | None = Field(
        default=None,
        min_length=1,
        pattern=r"^[0-9]+\.[0-9]+(\.[0-9a-z.]+)?$",
        description="Of torch_tensorrt; default: the one that is installed on the nodes. Needed "
        "where no node is asked (--dry-run)",
        examples=["2.13.0"],
    )
    batch: int = Field(
        default=1, ge=1, description="Prompts that a replica answers together", examples=[4]
    )
    collectives: Collectives = Field(
        default="auto",
        description="What runs the collectives of tp. native: TensorRT, from 2.12 on. trtllm: "
        "TensorRT-LLM's plugins, 2.7 to 2.11. pytorch: PyTorch between TensorRT's parts, up to "
        "2.11. auto: the best that the rank finds",
    )
    plugins_path: NodePath | None = Field(
        default=None,
        description="libnvinfer_plugin_tensorrt_llm.so on the nodes, or a wheel of tensorrt_llm "
        "from which it is taken",
        examples=["/opt/plugins/libnvinfer_plugin_tensorrt_llm.so"],
    )
    use_distributed_mode_trace: bool | None = Field(
        default=None, description="From 2.7 on; default: true with tp", examples=[True]
    )
    use_python_runtime: bool | None = Field(
        default=None, description="Up to 2.12; default: true with tp", examples=[True]
    )
    use_explicit_typing: bool | None = Field(
        default=None,
        description="2.6 to 2.12; default: true, unless there are enabled_precisions",
        examples=[True],
    )
    min_block_size: int | None = Field(
        default=None, ge=1, description="Operators of the smallest engine", examples=[1]
    )
    enabled_precisions: Annotated[tuple[Precision, ...] | None, AfterValidator(_any)] = Field(
        default=None,
        description="Up to 2.12; default: the model's dtype",
        examples=[["float32", "float16"]],
    )
    options: dict[str, Annotated[Option, BeforeValidator(_an_option)]] = Field(
        default={},
        description="More options for the backend, by its own names",
        examples=[{"optimization_level": 5}],
    )

    @property
    def groups(self) -> int:
        """How many groups of tp ranks there are: the replicas."""
        return self.dp

    @property
    def split(self) -> dict[str, int]:
        """By how much the work is split, by the names of the settings."""
        return {"dp": self.dp, "tp": self.tp}

    @property
    def compile_settings(self) -> dict[str, Any]:
        """Those of torch_tensorrt's own settings that were given."""
        given = {name: getattr(self, name) for name in COMPILE_SETTINGS}
        return {name: value for name, value in given.items() if value is not None}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.backend != "torch_tensorrt":
            self._check_of_tensorrt_alone()
        if self.plugins_path is not None and self.collectives not in ("auto", "trtllm"):
            raise mistake(
                f"plugins_path is for collectives: trtllm, not {self.collectives}",
                "leave plugins_path out, or collectives",
            )
        if self.backend == "eager" and self.options:
            raise mistake("backend: eager has no options", "leave out options")
        return self

    def _check_of_tensorrt_alone(self) -> None:
        """Refuse what another backend would not hear."""
        given = list(self.compile_settings)
        given += ["plugins_path"] if self.plugins_path is not None else []
        given += ["collectives"] if self.collectives in ("native", "trtllm") else []
        if given:
            raise mistake(
                f"{', '.join(given)} mean nothing to backend: {self.backend}"
                if len(given) > 1
                else f"{given[0]} means nothing to backend: {self.backend}",
                f"leave out {', '.join(given)}, or use backend: torch_tensorrt",
            )
