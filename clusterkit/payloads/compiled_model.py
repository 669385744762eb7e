"""The model as one static shape that torch.compile sees, and its compilation."""

from __future__ import annotations

import inspect
from typing import Any

from clusterkit.payloads.compiled_options import compile_options
from clusterkit.payloads.compiled_place import Replica
from clusterkit.payloads.compiled_split import load_part
from clusterkit.payloads.generate_model import device_of_rank, dtype_of, plain

_ROUND_TO = 64  # tokens: close enough that little is wasted, few enough shapes to be cached


def load(request: dict[str, Any], replica: Replica) -> Any:
    """This rank's part of the model, or all of it."""
    from transformers import AutoModelForCausalLM

    device = device_of_rank()
    dtype = dtype_of(request, device)
    if replica.size > 1:
        model = load_part(request["model"], dtype, device, replica)
    else:
        model = AutoModelForCausalLM.from_pretrained(
            request["model"], dtype=dtype, device_map=device
        )
    model.eval()
    model.generation_config = plain(model.generation_config)
    return model


def static_shape(model: Any, request: dict[str, Any], prompts: list[Any]) -> tuple[int, int]:
    """Rows and tokens that all prompts of the run fit, whichever replica answers them."""
    longest = max(len(ids) for _, _, ids in prompts) + request["max_tokens"]
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    tokens = -(-longest // _ROUND_TO) * _ROUND_TO
    return request["batch"], min(tokens, context or tokens)


class Step:
    """The compiled model: rows of one static shape in, logits of each row's last token out."""

    def __init__(self, model: Any, request: dict[str, Any], shape: tuple[int, int]) -> None:
        import torch

        self.generation = model.generation_config
        self.device = next(model.parameters()).device
        self.shape = shape
        self._rows = torch.arange(shape[0], device=self.device)
        self._keeps = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._call = torch.compile(
            self._forward(model),
            backend=request["backend"],
            dynamic=False,
            options=compile_options(request["options"]),
        )

    def __call__(self, ids: Any, last: Any) -> Any:
        """Logits [rows, vocabulary] in float32 after position ``last`` of each row."""
        import torch

        with torch.no_grad():
            logits = self._call(ids, last)
        # [rows, kept, vocabulary]: where all rows kept the same positions, each has its own.
        return logits[self._rows, self._rows if self._keeps else last].float()

    def _forward(self, model: Any) -> Any:
        import torch

        keeps = self._keeps

        class Forward(torch.nn.Module):  # type: ignore[misc]  # torch is Any where mypy looks
            def __init__(self) -> None:
                super().__init__()
                self.model = model

            def forward(self, ids: Any, last: Any) -> Any:
                if keeps:  # the other positions' logits would be most of the memory
                    return self.model(input_ids=ids, use_cache=False, logits_to_keep=last).logits
                return self.model(input_ids=ids, use_cache=False).logits

        return Forward()


def compile_model(
    model: Any, request: dict[str, Any], replica: Replica, shape: tuple[int, int]
) -> Step:
    """Compile it, by a first use."""
    import torch

    if replica.size > 1:
        # Communicators come with the first use, and an engine must not find that there is none.
        torch.distributed.barrier()
    step = Step(model, request, shape)
    ids = torch.zeros(shape, dtype=torch.long, device=step.device)
    step(ids, torch.zeros(shape[0], dtype=torch.long, device=step.device))
    if step.device.type == "cuda":
        torch.cuda.synchronize()
    return step


def graphs() -> int:
    """How many graphs were compiled; more than before: something was compiled again."""
    from torch._dynamo.utils import counters

    return int(counters["stats"]["unique_graphs"])
