"""The ``engine:`` section for Triton with the TensorRT-LLM backend."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from clusterkit.model.container import NodePath
from clusterkit.model.engine import EngineSettings
from clusterkit.model.mistakes import mistake

SERVER = "/opt/tritonserver/bin/tritonserver"
TEMPLATES = "/app/all_models/inflight_batcher_llm"
"""Where the vendor's images have the model repository that is still to be filled."""

Port = Annotated[int, Field(ge=1, le=65535)]


def _on_nodes(path: str) -> str:
    if not path.startswith("/"):
        raise mistake(
            f"`{path}` is no path on the nodes",
            "the absolute path of an engine on the nodes, such as `clusterkit engines ls` lists",
        )
    return path.rstrip("/") or path


def _placeholder(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise mistake(f"`{name}` is no placeholder", "the name alone, without ${ and }")
    return name


class TritonSettings(EngineSettings):
    """Triton: one tritonserver for each rank of an engine; the first of them answers."""

    launchers: ClassVar[tuple[str, ...]] = ("mpirun",)
    """Its ranks find each other by MPI."""

    name: Literal["triton"] = Field(description="NVIDIA Triton with the TensorRT-LLM backend")
    model: Annotated[str, AfterValidator(_on_nodes)] = Field(
        description="The folder of the TensorRT-LLM engine, a path on the nodes",
        examples=["/shared/clusterkit/engines/llama-8b-0a1b2c3d4e5f"],
    )
    dtype: Literal["auto"] = Field(default="auto", description="The engine's own")
    threads_per_rank: None = Field(default=None, description="Triton has no such setting")
    compile: Literal["off"] = Field(default="off", description="Triton has no such setting")
    version: str | None = Field(
        default=None,
        min_length=1,
        pattern=r"^[0-9]+\.[0-9]+(\.[0-9a-z.]+)?$",
        description="Of the backend, to know what must be filled before the templates "
        "are seen; default: they alone tell",
        examples=["0.16.0"],
    )
    tokenizer: NodePath | None = Field(
        default=None,
        description="The tokenizer's folder on the nodes; default: `tokenizer` in the engine's",
        examples=["/models/llama-8b"],
    )
    tokenizer_type: Literal["auto", "llama", "t5"] = Field(
        default="auto", description="Up to 0.8: how the tokenizer is loaded", examples=["llama"]
    )
    templates: NodePath = Field(
        default=TEMPLATES,
        description="The folder `inflight_batcher_llm` of the backend's release on the nodes",
        examples=["/opt/tensorrtllm_backend/all_models/inflight_batcher_llm"],
    )
    server: NodePath = Field(
        default=SERVER, description="tritonserver on the nodes", examples=[SERVER]
    )
    served: str = Field(
        default="ensemble",
        min_length=1,
        description="The model that clients ask",
        examples=["tensorrt_llm_bls"],
    )
    backend: Literal["tensorrtllm", "python"] = Field(
        default="tensorrtllm", description="From 0.10 on: what runs the engine"
    )
    decoupled: bool = Field(
        default=True, description="Answers may come in parts, as streaming needs it"
    )
    max_batch_size: int = Field(default=8, ge=1, description="Prompts at once", examples=[8])
    instances: int = Field(
        default=1, ge=1, description="Tokenizers that work side by side", examples=[4]
    )
    grpc_port: Port = Field(default=8001, description="On the head", examples=[8001])
    metrics_port: Port = Field(default=8002, description="On the head", examples=[8002])
    parameters: dict[Annotated[str, AfterValidator(_placeholder)], str | int | float | bool] = (
        Field(
            default={},
            description="More placeholders of the templates, and other values for those that "
            "clusterkit fills",
            examples=[{"kv_cache_free_gpu_mem_fraction": 0.85}],
        )
    )
    server_flags: tuple[str, ...] = Field(
        default=(),
        description="More words for tritonserver",
        examples=[["--log-verbose=1"]],
    )

    @property
    def tokenizer_folder(self) -> str:
        """Where the tokenizer lies."""
        return self.tokenizer or f"{self.model}/tokenizer"
