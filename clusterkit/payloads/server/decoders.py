"""Which decoder runs a model: compiled on GPUs where that is wanted and can be, else eager."""

from __future__ import annotations

from typing import Any

from clusterkit.payloads.generate_events import tell

_OF_FREE_MEMORY = 0.8
"""The share that keys and values may have: steps and their graphs need some too."""


def decoder_of(model: Any, request: dict[str, Any], context: int | None = None) -> Any:
    """A decoder that is ready; a row holds the model's context, or as much as fits."""
    context = context or model.config.get_text_config().max_position_embeddings
    if request.get("compile") != "auto" or model.device.type != "cuda":
        return _eager(model, request, context)
    from clusterkit.payloads.server.compiled_decoder import CompiledDecoder, Differs, why_not

    reason = why_not(model, pp=request["pp"])
    if reason is not None:
        tell(event="warming", done=0, of=0, what=f"not compiled: {reason}")
        return _eager(model, request, context)
    slots = request["max_batch"]
    tokens = tokens_that_fit(_free_bytes(), slots, bytes_per_token(model, request["tp"]))
    decoder = CompiledDecoder(model, slots=slots, capacity=min(context, tokens))
    try:
        decoder.warm(lambda done, of, what: tell(event="warming", done=done, of=of, what=what))
    except Differs as error:
        tell(event="warming", done=0, of=0, what=f"not compiled: {error}")
        decoder.release()
        model.set_attn_implementation("sdpa")
        return _eager(model, request, context)
    return decoder


def tokens_that_fit(free_bytes: int, rows: int, bytes_of_token: int) -> int:
    """How many tokens each row can have."""
    return int(free_bytes * _OF_FREE_MEMORY) // (rows * bytes_of_token)


def bytes_per_token(model: Any, tp: int) -> int:
    """What one token of one row takes on this rank: its keys and values in all layers."""
    config = model.config.get_text_config()
    heads = config.num_key_value_heads // tp
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * size * model.dtype.itemsize)


def _eager(model: Any, request: dict[str, Any], context: int) -> Any:
    from clusterkit.payloads.server.eager import EagerDecoder

    return EagerDecoder(model, slots=request["max_batch"], capacity=context)


def _free_bytes() -> int:
    """Of the GPU that has the least."""
    import torch

    torch.cuda.empty_cache()
    free = torch.tensor([torch.cuda.mem_get_info()[0]], device="cuda")
    if torch.distributed.is_initialized():
        torch.distributed.all_reduce(free, torch.distributed.ReduceOp.MIN)
    return int(free.item())
