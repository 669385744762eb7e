"""The ``engine:`` section for TensorRT-LLM."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from clusterkit.model.container import NodePath
from clusterkit.model.engine import EngineSettings
from clusterkit.model.mistakes import mistake

Family = Literal["llama", "chatglm2", "chatglm3", "gpt2", "qwen", "mixtral"]
Quantization = Literal["none", "fp8", "int8", "int4-awq"]
GpusPerNodeFix = Literal["auto", "off", "shim", "build-flag", "config"]
EXAMPLES = "/app/tensorrt_llm/examples"
"""Where the vendor's image has the examples of its version."""


def _on_nodes(path: str) -> str:
    if not path.startswith("/"):
        raise mistake(
            f"`{path}` is no path on the nodes",
            "an absolute path of a Hugging Face folder on the nodes, such as /models/chatglm2-6b",
        )
    return path.rstrip("/") or path


class TensorRtLlmSettings(EngineSettings):
    """TensorRT-LLM: an engine is built once, on one node, and each rank loads its part of it."""

    launchers: ClassVar[tuple[str, ...]] = ("mpirun",)
    """Its ranks find each other by MPI."""

    name: Literal["tensorrt-llm"] = Field(description="NVIDIA TensorRT-LLM, on NVIDIA GPUs")
    model: Annotated[str, AfterValidator(_on_nodes)] = Field(
        description="The Hugging Face folder of the model, a path on the nodes",
        examples=["/models/chatglm2-6b"],
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="auto: float16"
    )
    threads_per_rank: None = Field(default=None, description="TensorRT-LLM has no such setting")
    compile: Literal["off"] = Field(default="off", description="TensorRT-LLM has no such setting")
    version: str | None = Field(
        default=None,
        min_length=1,
        pattern=r"^[0-9]+\.[0-9]+(\.[0-9a-z.]+)?$",
        description="Of TensorRT-LLM; default: the one that is installed on the nodes. Needed "
        "where no node is asked (--dry-run)",
        examples=["0.16.0"],
    )
    family: Family | None = Field(
        default=None,
        description="Of the model; default: what its config.json says. Needed where no node is "
        "asked (--dry-run)",
        examples=["llama"],
    )
    backend: Literal["tensorrt", "pytorch"] | None = Field(
        default=None,
        description="tensorrt: engines, up to 1.3.0rc20. pytorch: `serve` from the model itself, "
        "from 1.0 on. Default: tensorrt as long as the version has it",
        examples=["tensorrt"],
    )
    quantization: Quantization = Field(
        default="none",
        description="fp8: weights and KV cache, after calibration. int8, int4-awq: weights only",
        examples=["fp8"],
    )
    max_batch_size: int = Field(default=8, ge=1, description="Prompts at once", examples=[8])
    max_input_len: int = Field(
        default=1024, ge=1, description="Tokens of the longest prompt", examples=[2048]
    )
    max_output_len: int = Field(
        default=1024, ge=1, description="The most new tokens of an answer", examples=[512]
    )
    workers: int | None = Field(
        default=None,
        ge=1,
        description="GPUs of the building node that build at once; default: all that it has",
        examples=[2],
    )
    examples: NodePath = Field(
        default=EXAMPLES,
        description="TensorRT-LLM's folder `examples` on the nodes, of the installed version",
        examples=[EXAMPLES],
    )
    tokenizer: NodePath | None = Field(
        default=None,
        description="The folder of the tokenizer on the building node; default: the model's",
        examples=["/models/chatglm2-6b"],
    )
    quantized_weights: NodePath | None = Field(
        default=None,
        description="Up to 0.7 with fp8 or int4-awq: the file that quantization wrote; default: "
        "fp8 is calibrated during the build",
        examples=["/models/llama-70b-fp8/llama_tp1_rank0.npz"],
    )
    convert_flags: tuple[str, ...] = Field(
        default=(),
        description="More words for convert_checkpoint.py or quantize.py",
        examples=[["--load_model_on_cpu"]],
    )
    build_flags: tuple[str, ...] = Field(
        default=(),
        description="More words for build.py or trtllm-build",
        examples=[["--max_num_tokens", "4096"]],
    )
    run_flags: tuple[str, ...] = Field(
        default=(), description="More words for run.py", examples=[["--use_py_session"]]
    )
    serve_flags: tuple[str, ...] = Field(
        default=(),
        description="More words for trtllm-serve",
        examples=[["--max_seq_len", "8192"]],
    )
    gpus_per_node: GpusPerNodeFix = Field(
        default="auto",
        description="How each rank is told how many GPUs its node has. auto: as the version "
        "needs it. shim: an import hook (to 0.9). build-flag: trtllm-build's (0.10 to 1.1). "
        "config: the engine's config.json, as each node needs it (from 0.10). off: nothing",
        examples=["auto"],
    )
