"""Load one rank's part of a model, split by the plan that comes with it, and make sure of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clusterkit.payloads.compiled_place import Replica
from clusterkit.payloads.generate_events import Failed, Refused, rank
from clusterkit.payloads.generate_model import local_parameters

# transformers' names of styles.
_GATHERED = ("colwise_gather_output", "colwise_rep")  # one style, named anew
_UNSPLIT = ("replicated_with_grad_allreduce",)  # gradients, which nobody asks for here


def load_part(folder: str, dtype: Any, device: str, replica: Replica) -> Any:
    """This rank's part, read without ever holding the whole where the files' names allow it."""
    import torch
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor.parallel import parallelize_module
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    plan = plan_of(model, folder)
    kind = torch.device(device).type
    mesh = init_device_mesh(kind, (replica.size,), mesh_dim_names=("tp",))
    if can_be_read_in_parts(model, folder):
        parallelize_module(model, mesh, plan)
        read_part(model, folder, kind)
    else:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
        parallelize_module(model, mesh, plan)
        model.to(device)
    # An embedding that is the output layer too is split in the same way as both, and is one again.
    model.tie_weights()
    certify_part(model)
    return model


def refuse_uneven_heads(folder: str, size: int) -> None:
    """Refuse where a head would be torn apart.

    Before ranks meet: the first to end would take the store away from those that still come.
    """
    if size == 1:
        return
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder).get_text_config()
    heads = config.num_attention_heads
    kv_heads = getattr(config, "num_key_value_heads", None) or heads
    if heads % size or kv_heads % size:
        raise Refused(
            f"tp={size} does not divide {heads} attention heads and {kv_heads} KV heads of "
            f"{Path(folder).name}. Fix: a tp that divides both"
        )


def plan_of(model: Any, folder: str) -> dict[str, Any]:
    """A plan for torch, made of the model's own.

    Raises:
        Refused: If the model has none, or one that torch's styles do not express.
    """
    from torch.distributed.tensor import Replicate
    from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel

    given = {name: style for name, style in model.tp_plan.items() if style not in _UNSPLIT}
    for name, origin in tied_modules(model):
        if origin not in given:  # then both stay whole; transformers names the origin since 5.20
            given.pop(name, None)
    who = f"{type(model).__name__} ({Path(folder).name})"
    if not given:
        raise Refused(f"{who} has no tensor-parallel plan. Fix: tp=1, and dp for more GPUs")
    plan, unknown = {}, set()
    for name, style in given.items():
        if style == "colwise":
            plan[name] = ColwiseParallel()
        elif style == "rowwise":
            plan[name] = RowwiseParallel()
        elif style in _GATHERED:
            plan[name] = ColwiseParallel(output_layouts=Replicate())
        elif style in ("rowwise_split_input", "embedding_rowwise"):
            plan[name] = RowwiseParallel(input_layouts=Replicate())
        else:
            unknown.add(style)
    if unknown:
        raise Refused(
            f"{who} is split by {', '.join(sorted(unknown))}, which this engine cannot do. "
            "Fix: tp=1, and dp for more GPUs; or engine transformers"
        )
    return plan


def tied_modules(model: Any) -> list[tuple[str, str]]:
    """Modules that have the weights of another, such as the output layer, and the other."""
    names = getattr(model, "all_tied_weights_keys", None) or {}
    return [(name.rpartition(".")[0], of.rpartition(".")[0]) for name, of in names.items()]


def can_be_read_in_parts(model: Any, folder: str) -> bool:
    """Whether the files hold what the model holds, under the same names."""
    return wanted(model).keys() <= stored_names(folder)


def wanted(model: Any) -> dict[str, Any]:
    """What must be read: parameters and buffers, each once."""
    state: dict[str, Any] = model.state_dict()
    for name in getattr(model, "all_tied_weights_keys", None) or {}:
        state.pop(name, None)
    return state


def stored_names(folder: str) -> set[str]:
    """The names of all tensors in the folder's files."""
    from safetensors import safe_open

    names: set[str] = set()
    for path in Path(folder).glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            names.update(file.keys())
    return names


def read_part(model: Any, folder: str, kind: str) -> None:
    """Give memory to what is this rank's, on its device of that kind, and read just that."""
    from torch.distributed.checkpoint import HuggingFaceStorageReader, load
    from transformers import GenerationConfig

    model.to_empty(device=kind)
    for module in model.modules():
        if module._non_persistent_buffers_set:  # computed, and in no file
            model._init_weights(module)
    load(wanted(model), storage_reader=HuggingFaceStorageReader(folder), no_dist=True)
    if Path(folder, "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(folder)


def certify_part(model: Any) -> None:
    """Fail where this rank holds the whole model."""
    whole = sum(parameter.numel() for parameter in model.parameters())
    if local_parameters(model) >= whole:
        raise Failed(f"the model was not split: rank {rank()} holds all {whole} parameters")
