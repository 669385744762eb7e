"""What ``infer`` answers: text, tokens, times, and where every rank ran."""

from __future__ import annotations

from pydantic import Field

from clusterkit.model.base import Model
from clusterkit.results.spares import Replaced

UNKNOWN_DEVICE = "unknown"
"""Of a rank whose engine does not tell where it runs."""


class Answer(Model):
    """The completion of one prompt."""

    prompt: str
    prompt_text: str | None = Field(
        description="What the model got, chat template included; null: a server that ran already "
        "answered, and does not tell"
    )
    text: str
    token_ids: tuple[int, ...] | None = Field(
        description="Of the completion; null: the server that answered does not tell"
    )
    prompt_tokens: int | None = Field(description="Null: the engine does not tell")
    completion_tokens: int | None = Field(description="Null: the engine does not tell")
    finish_reason: str | None = Field(
        description="stop: the model ended it; length: max_tokens did; null: the engine does not "
        "tell",
        examples=["stop", "length"],
    )
    first_token_s: float | None = Field(
        description="Seconds from the prompt to the first token; null: there is none"
    )
    prompt_logits: tuple[tuple[int, float], ...] = Field(
        default=(), description="Highest logits for the first token: token id and value"
    )
    token_s: float | None = Field(
        description="Mean seconds a token after the first; null: there is none"
    )


class InferRank(Model):
    """One rank of the run."""

    rank: int
    node: str
    device: str = Field(
        description="unknown: the engine does not tell", examples=["cpu", "cuda:0"]
    )
    memory_bytes: int | None = Field(default=None, description="At its peak")
    load_s: float | None = Field(default=None, description="Seconds to load its weights")
    compile_s: float | None = Field(
        default=None, description="Seconds to compile its part; null: nothing is compiled"
    )


class InferResult(Model):
    """A distributed run that ended well."""

    cluster: str
    job: str = Field(description="That answered: this run's own, or the server's")
    server: str | None = Field(
        default=None,
        description="The URL of the server that answered, as it ran already; null: none, the "
        "model was loaded for this run",
    )
    model: str
    tp: int = Field(description="Tensor parallel size")
    pp: int = Field(description="Pipeline parallel size")
    dp: int = Field(default=1, description="Data parallel size: replicas that share the prompts")
    batch: int = Field(default=1, description="Prompts that a replica answers together")
    dtype: str
    seed: int | None = Field(default=None, description="Null: greedy")
    answers: tuple[Answer, ...] = Field(description="In the order of the prompts")
    load_s: float | None = Field(
        description="Seconds from the start of the job to a loaded model, compiled where the "
        "engine compiles; null: the engine does not tell, or the model was loaded already"
    )
    took_s: float = Field(description="Seconds, all together")
    ranks: tuple[InferRank, ...]
    collectives: str | None = Field(
        default=None,
        description="What ran the collectives of tensor parallelism; null: the engine does not "
        "tell, or there are none",
        examples=["native", "trtllm", "pytorch"],
    )
    versions: dict[str, str] = Field(default_factory=dict, description="Of the packages used")
    attempts: int = Field(default=1, description="How often it was begun, with `--retries`")
    replaced: tuple[Replaced, ...] = Field(
        default=(), description="Nodes that were lost, and the spares that took their places"
    )
