"""Which models can be split for compilation, by the plans that transformers has for them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.distributed.tensor import Replicate, Shard
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, MixtralConfig, Phi3Config

from clusterkit.payloads.compiled_split import plan_of
from clusterkit.payloads.generate_events import Refused

SMALL = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "vocab_size": 64,
    "pad_token_id": 0,
    "eos_token_id": 1,
}


def model(config: Any) -> Any:
    """One without weights."""
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def test_a_llama_is_split_as_its_plan_says() -> None:
    plan = plan_of(model(LlamaConfig(**SMALL)), "/models/it")

    layers = "model.layers.*"
    columns = [f"{layers}.self_attn.{name}_proj" for name in ("q", "k", "v")]
    columns += [f"{layers}.mlp.{name}_proj" for name in ("gate", "up")]
    rows = [f"{layers}.self_attn.o_proj", f"{layers}.mlp.down_proj"]
    assert {name: type(style).__name__ for name, style in plan.items()} == {
        **dict.fromkeys([*columns, "lm_head"], "ColwiseParallel"),
        **dict.fromkeys(rows, "RowwiseParallel"),
    }
    assert plan["lm_head"].output_layouts == (Replicate(),)
    assert plan[rows[0]].input_layouts == (Shard(-1),)


def test_an_embedding_that_is_the_output_layer_too() -> None:
    """Both are split by the vocabulary, or none is."""
    tied = model(LlamaConfig(**SMALL, tie_word_embeddings=True))

    plan = plan_of(tied, "/models/it")

    assert type(plan["model.embed_tokens"]).__name__ == "RowwiseParallel"
    assert plan["model.embed_tokens"].input_layouts == (Replicate(),)
    assert type(plan["lm_head"]).__name__ == "ColwiseParallel"

    del tied._tp_plan["model.embed_tokens"]  # as transformers had it before 5.20
    assert not {"lm_head", "model.embed_tokens"} & plan_of(tied, "/models/it").keys()


def test_layers_whose_output_is_put_together() -> None:
    plan = plan_of(model(Phi3Config(**SMALL)), "/models/it")

    qkv, down = (f"model.layers.*.{name}" for name in ("self_attn.qkv_proj", "mlp.down_proj"))
    assert plan[qkv].output_layouts == (Replicate(),)
    assert plan[down].input_layouts == (Replicate(),)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            GPT2Config(n_embd=32, n_layer=1, n_head=2, vocab_size=64),
            "GPT2LMHeadModel (it) has no tensor-parallel plan. Fix: tp=1, and dp for more GPUs",
        ),
        (
            MixtralConfig(**SMALL, num_local_experts=2),
            "MixtralForCausalLM (it) is split by moe_tp_experts, packed_colwise, which this "
            "engine cannot do. Fix: tp=1, and dp for more GPUs; or engine transformers",
        ),
    ],
)
def test_refused(config: Any, message: str) -> None:
    with pytest.raises(Refused) as caught:
        plan_of(model(config), "/models/it")

    assert str(caught.value) == message
