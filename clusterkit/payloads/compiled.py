"""Answer prompts with a model that each rank compiles, by data and tensor parallelism.

Every rank runs this in a folder with ``input.json``:

    {"version": 1, "model": FOLDER, "tp": 2, "dp": 2, "dtype": "auto", "threads": null,
     "backend": "inductor", "options": {}, "collectives": "auto", "plugins_path": null,
     "batch": 1, "prompts": ["…"], "system": null, "raw": false, "max_tokens": 128,
     "temperature": 0.0, "top_p": 1.0, "seed": null, "logits": 0}

``backend`` and ``options`` are torch.compile's own. Ranks stand as replica x tp + place in it;
prompt i is of replica i mod dp. Places are told to ranks, and events by them, as ``generate``
has it, with these differences: the first rank of each replica tells ``token`` and ``answer``;
``ready`` comes after the compilation and has ``compile_s``, ``graphs`` (how many were compiled)
and ``collectives``; ``peak`` has ``graphs`` again. A rank without prompts loads nothing, and its
``ready`` has 0 parameters and no ``compile_s``.
Exit code 2: the request cannot be answered.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NoReturn

from clusterkit.payloads.compiled_collectives import active_collectives, choose_collectives
from clusterkit.payloads.compiled_errors import explained
from clusterkit.payloads.compiled_model import compile_model, graphs, load, static_shape
from clusterkit.payloads.compiled_place import Replica, common_seed, join_replica, leave_replica
from clusterkit.payloads.compiled_split import refuse_uneven_heads
from clusterkit.payloads.compiled_steps import answer_batch
from clusterkit.payloads.generate_agree import agree
from clusterkit.payloads.generate_events import rank, tell
from clusterkit.payloads.generate_model import (
    about,
    about_rank,
    device_of_rank,
    dtype_of,
    peak_memory_bytes,
)
from clusterkit.payloads.generate_place import take_place, threads_of
from clusterkit.payloads.generate_prompts import read_prompts
from clusterkit.payloads.generate_store import wait_for_store
from clusterkit.payloads.quiet import compile_in
from clusterkit.payloads.rank_main import before_torch, run_rank


def main() -> NoReturn:
    """Run one rank to its end."""
    run_rank(run)


def run(request: dict[str, Any]) -> None:
    """Compile this rank's part of the model and answer its replica's share of the prompts.

    Raises:
        Refused: If the request cannot be answered.
        Failed: If it was not answered.
    """
    take_place(dp=request["dp"], tp=request["tp"])
    before_torch()
    choose_collectives(request)
    started = time.monotonic()
    import torch
    import transformers

    torch.set_num_threads(threads_of(request))
    prompts = read_prompts(request)
    refuse_uneven_heads(request["model"], request["tp"])
    wait_for_store()
    replica = join_replica(request)
    request["seed"] = common_seed(replica, request["seed"])
    with explained(request):
        agree(answers_of(replica, request, prompts, started))
    tell(event="peak", rank=rank(), memory_bytes=peak_memory_bytes(), graphs=graphs())
    leave_replica(replica)
    if rank() == 0:
        versions = {"torch": torch.__version__, "transformers": transformers.__version__}
        tell(event="done", versions=versions, dp=request["dp"], tp=request["tp"])


def answers_of(
    replica: Replica, request: dict[str, Any], prompts: list[Any], started: float
) -> list[list[int]]:
    """Load, compile, and answer this replica's share, ``batch`` prompts at a time."""
    share = list(enumerate(prompts))[replica.number :: request["dp"]]
    if not share:
        dtype = dtype_of(request, device_of_rank())
        told = about_rank(0, dtype, time.monotonic() - started)
        tell(event="ready", **told, compile_s=None, graphs=0, collectives=None)
        return []
    collectives = active_collectives(request)
    model = load(request, replica)
    loaded = time.monotonic()
    compile_in(str(Path(".torch").absolute()))
    step = compile_model(model, request, replica, static_shape(model, request, prompts))
    tell(
        event="ready",
        **about(model, loaded - started),
        compile_s=round(time.monotonic() - loaded, 3),
        graphs=graphs(),
        collectives=collectives,
    )
    answers: list[list[int]] = []
    for first in range(0, len(share), request["batch"]):
        answers += answer_batch(step, replica, request, share[first : first + request["batch"]])
    return answers
