"""The tensors of a request, taken from what the server says of its model.

Names, types and shapes of inputs changed from version to version; what a model requires and is
not given here is given empty, as the vendor's first clients did.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple  # noqa: UP035 - Python 3.8


class Tensor(NamedTuple):
    """One input. ``datatype`` is as in requests, such as ``BYTES`` or ``INT32``."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    value: Any


class Asked(NamedTuple):
    """One prompt and how it is to be answered; ``stream``: in parts."""

    prompt: str
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stream: bool = False


class NotATextModel(Exception):
    """The model does not take text, or wants what nobody knows."""


# What is asked, by the names that the models of different versions and kinds have for it.
_NAMES = {
    "prompt": ("text_input",),
    "max_tokens": ("max_tokens", "sampling_param_max_tokens"),
    "temperature": ("temperature", "sampling_param_temperature"),
    "top_p": ("top_p", "sampling_param_top_p"),
    "seed": ("random_seed", "seed", "sampling_param_seed"),
    "stream": ("stream", "streaming"),
}
_EMPTY = {"BYTES": "", "BOOL": False, "FP32": 0.0, "FP16": 0.0}


def is_decoupled(config: Mapping[str, Any]) -> bool:
    """Whether the model answers in as many parts as it likes.

    An ensemble is decoupled by what it is made of, and says nothing itself in its configuration.
    """
    policy = config.get("model_transaction_policy") or {}
    return bool(policy.get("decoupled", False))


def steps_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The models that an ensemble is made of."""
    scheduling = config.get("ensemble_scheduling") or {}
    return tuple(step["model_name"] for step in scheduling.get("step", ()))


def tensors(config: Mapping[str, Any], asked: Asked) -> tuple[Tensor, ...]:
    """The inputs that this model has for what is asked, in its own order.

    Raises:
        NotATextModel: If it takes no text, or requires an input that cannot be empty.
    """
    wanted = _wanted(asked)
    has_batch = int(config.get("max_batch_size", 0)) > 0
    found = []
    for given in config.get("input", ()):
        name, datatype = given["name"], given["data_type"].replace("TYPE_", "")
        datatype = "BYTES" if datatype == "STRING" else datatype
        if name in wanted:
            value = wanted[name]
        elif given.get("optional", False):
            continue
        else:
            value = _EMPTY.get(datatype, 0)
        shape = [1 if int(size) < 0 else int(size) for size in given.get("dims", ())]
        found.append(Tensor(name, datatype, (*([1] if has_batch else []), *shape), value))
    if not any(each.name in _NAMES["prompt"] for each in found):
        have = ", ".join(each["name"] for each in config.get("input", ())) or "none"
        raise NotATextModel(f"model {config.get('name')} has no input text_input, but {have}")
    return tuple(found)


def as_json(inputs: tuple[Tensor, ...]) -> dict[str, Any]:
    """The same for Triton's generate endpoint, which finds the shapes by itself."""
    return {each.name: each.value for each in inputs}


def _wanted(asked: Asked) -> dict[str, Any]:
    """Values by every name that they may have; to be greedy is to take the one likeliest."""
    values = {
        "prompt": asked.prompt,
        "max_tokens": asked.max_tokens,
        "temperature": asked.temperature or None,
        "top_p": asked.top_p if asked.temperature else None,
        "seed": asked.seed,
        "stream": asked.stream,
    }
    wanted = {
        name: value for what, value in values.items() if value is not None for name in _NAMES[what]
    }
    if not asked.temperature:
        wanted.update(top_k=1, sampling_param_top_k=1)
    return wanted
