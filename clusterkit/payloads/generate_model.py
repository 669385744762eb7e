"""Load one rank's part of a model with transformers, and make sure that it is a part."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

from clusterkit.payloads.generate_events import Failed, rank
from clusterkit.payloads.model_folder import stored_parameters


def load(request: dict[str, Any]) -> Any:
    """This rank's part of the model, and the certainty that it is a part."""
    from transformers import AutoModelForCausalLM

    device = device_of_rank()
    tp, pp = request["tp"], request["pp"]
    how: dict[str, Any] = {"device_map": device}
    if tp * pp > 1:
        from transformers.distributed import DistributedConfig

        if request.get("compile") == "auto":
            _shorten_all_reduces(tp)
        plan = "auto" if tp > 1 else None
        how = {"distributed_config": DistributedConfig(tp_size=tp, pp_size=pp, tp_plan=plan)}
    model = AutoModelForCausalLM.from_pretrained(
        request["model"], dtype=dtype_of(request, device), **how
    )
    model.eval()
    certify_split(model, request)
    model.generation_config = plain(model.generation_config)
    return model


def _shorten_all_reduces(tp: int) -> None:
    """On GPUs of one node that reach each other: NCCL would take most of a compiled step."""
    import torch

    if tp > 1 and torch.cuda.is_available():
        from clusterkit.payloads.server import one_shot

        if one_shot.why_not(tp) is None:
            one_shot.install()


def device_of_rank() -> str:
    """The GPU with this rank's number on the node, or the CPU."""
    import torch

    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"


def dtype_of(request: dict[str, Any], device: str) -> Any:
    """What the weights are; ``auto`` on a CPU is float32, which is exact, and no slower there."""
    import torch

    dtype = request["dtype"]
    if dtype == "auto":
        dtype = "float32" if device == "cpu" else "bfloat16"
    return getattr(torch, dtype)


def plain(given: Any) -> Any:
    """Sampling is what the request says, not what the model likes."""
    from transformers import GenerationConfig

    return GenerationConfig(
        bos_token_id=given.bos_token_id,
        eos_token_id=given.eos_token_id,
        pad_token_id=given.pad_token_id if given.pad_token_id is not None else first_stop(given),
        use_cache=True,
    )


def first_stop(generation: Any) -> int | None:
    """A token that can fill a row."""
    stops = stop_ids(generation)
    return stops[0] if stops else None


def stop_ids(generation: Any) -> list[int]:
    """The tokens that end an answer."""
    stop = generation.eos_token_id
    return list(stop) if isinstance(stop, (list, tuple)) else [] if stop is None else [stop]


def certify_split(model: Any, request: dict[str, Any]) -> None:
    """Fail where the library loaded the whole model into every rank and said nothing."""
    import torch

    tp, pp = request["tp"], request["pp"]
    if tp * pp == 1:
        return
    ranks = torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1
    if ranks != tp * pp or (tp > 1 and model.tp_size != tp):
        raise Failed(
            f"the model was not split as asked: {ranks} ranks joined, tp is {model.tp_size}"
        )
    whole, part = stored_parameters(Path(request["model"])), local_parameters(model)
    if whole and part >= whole:
        raise Failed(f"the model was not split: rank {rank()} holds all {whole} parameters")


def local_parameters(model: Any) -> int:
    """How many numbers this rank holds."""
    parameters = (
        getattr(parameter, "_local_tensor", parameter) for parameter in model.parameters()
    )
    return sum(parameter.numel() for parameter in parameters)


def about(model: Any, load_s: float) -> dict[str, Any]:
    """What this rank is, for the one who asked."""
    return about_rank(local_parameters(model), model.dtype, load_s)


def about_rank(parameters: int, dtype: Any, load_s: float) -> dict[str, Any]:
    """The same of a rank that holds so many parameters."""
    import torch

    row: dict[str, Any] = {
        "rank": rank(),
        "host": os.uname().nodename,
        "device": "cpu",
        "device_name": None,
        "gpu_uuid": None,
        "load_s": round(load_s, 3),
        "parameters": parameters,
        "dtype": str(dtype).replace("torch.", ""),
        "threads": torch.get_num_threads(),
    }
    if torch.cuda.is_available():
        device = torch.cuda.current_device()
        properties = torch.cuda.get_device_properties(device)
        row["device"] = f"cuda:{device}"
        row["device_name"] = properties.name
        row["gpu_uuid"] = f"GPU-{properties.uuid}" if hasattr(properties, "uuid") else None
    row["memory_bytes"] = memory_bytes()
    return row


def memory_bytes() -> int:
    """How much memory this rank uses now: on its GPU, else of the machine."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.memory_allocated())
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_memory_bytes() -> int:
    """The most memory that this rank used: on its GPU, else of the machine."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
