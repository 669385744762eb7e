"""The options of ``infer``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from clusterkit.model.chat_options import ApiKeyFile
from clusterkit.model.job_options import RetryOptions, StallTimeout, Timeout
from clusterkit.model.mistakes import mistake


def one_or_more(given: Any) -> Any:
    """A single text as a list of one."""
    if isinstance(given, str):
        return (given,)
    return tuple(given) if isinstance(given, list) else given


def checked_prompt(text: str) -> str:
    """``text``, if a model can be asked it."""
    if not text.strip():
        raise mistake("the prompt is empty", "write what the model should answer")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise mistake("the prompt is not UTF-8 text", "use a UTF-8 terminal or file") from None
    return text


LauncherName = Literal["mpirun", "torchrun"]

TensorParallel = Annotated[
    int | None,
    Field(ge=1, description="Tensor parallel size; default: the inventory's", examples=[3]),
]
PipelineParallel = Annotated[
    int | None,
    Field(ge=1, description="Pipeline parallel size; default: the inventory's", examples=[2]),
]


class InferOptions(RetryOptions):
    """Ask the model; tokens come as they are made."""

    prompt: Annotated[
        tuple[Annotated[str, AfterValidator(checked_prompt)], ...], BeforeValidator(one_or_more)
    ] = Field(
        default=(),
        description="A prompt; may be given several times",
        examples=["What is the capital of France?"],
        json_schema_extra={"type": ["string", "array"]},
    )
    prompts: Path | None = Field(
        default=None,
        description="A file of prompts as JSON lines; - reads stdin",
        examples=["prompts.jsonl"],
    )
    system: str | None = Field(
        default=None, description="The system prompt", examples=["Answer in one sentence."]
    )
    raw: bool = Field(default=False, description="Continue the text: no chat template")
    max_tokens: int = Field(
        default=128, ge=1, description="At most this many new tokens", examples=[128]
    )
    temperature: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="0 takes the likeliest token; higher draws more freely",
        examples=[0.7],
    )
    top_p: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Draw from the likeliest tokens that make up this share",
        examples=[0.9],
    )
    seed: int | None = Field(
        default=None, ge=0, description="The same seed draws the same tokens", examples=[1]
    )
    logits: int = Field(
        default=0,
        ge=0,
        description="Also answer this many of the first token's highest logits",
        examples=[5],
    )
    tp: TensorParallel = None
    pp: PipelineParallel = None
    dp: int | None = Field(
        default=None,
        ge=1,
        description="Data parallel size: replicas; default: the inventory's",
        examples=[2],
    )
    launcher: LauncherName = Field(
        default="mpirun", description="What starts the ranks", examples=["torchrun"]
    )
    engine: Literal["triton"] | None = Field(
        default=None,
        description="Ask the server of `serve --engine triton`",
        examples=["triton"],
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        description="Another model than the inventory's",
        examples=["smollm2-135m"],
    )
    cold: bool = Field(
        default=False, description="Load the model for this run, though a server may have it"
    )
    api_key_file: ApiKeyFile = None
    force: bool = Field(default=False, description="Run though the last `doctor --gate` failed")
    timeout_s: Timeout | None = Field(
        default=None, description="End the job after this many seconds", examples=[300]
    )
    stall_timeout_s: StallTimeout = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.prompt and self.prompts is None:
            raise mistake("there is no prompt", "give `prompt`, or a file of `prompts`")
        if self.raw and self.system is not None:
            fix = "drop `raw`, or write the instruction into the prompt"
            raise mistake("`raw` has no place for a `system` prompt", fix)
        return self
