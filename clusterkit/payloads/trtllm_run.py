"""Be one rank of TensorRT-LLM: run its run.py as a child, and tell what it answers.

    trtllm_run /…/examples/run.py --engine_dir … --input_text …

The words are run.py's own. What else every rank must know is in ``input.json`` in its folder:

    {"version": 1, "tensorrt_llm": "0.16.0", "gpus_per_node": "config", "output": "indexed",
     "prompts": ["…"], "tokenizer": FOLDER, "tokenizer_link": null, "greedy_by_config": false,
     "draw_seed": false}

What run.py prints is passed on as the rank's log. Events are those of `generate`, from rank 0
alone: ``token``, ``answer`` and ``done``; nobody can know when the model is loaded. It ends as
its child does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from clusterkit.payloads.generate_events import Refused, rank, tell
from clusterkit.payloads.model_protocol import INPUT_VERSION
from clusterkit.payloads.trtllm_child import end_as, run
from clusterkit.payloads.trtllm_output import Output
from clusterkit.payloads.trtllm_tell import Teller
from clusterkit.payloads.trtllm_words import number_in, prepared

INPUT = "input.json"


def main() -> None:
    """Run one rank to its end."""
    script, *words = sys.argv[1:]
    try:
        order = read_order()
        words, env = prepared(words, order, rank=rank())
    except Refused as error:
        tell(event="error", rank=rank(), message=str(error))
        sys.exit(error.exit_code)
    payloads = __file__.rpartition("/")[0]
    argv = [sys.executable, payloads, "trtllm_script", script, *words]
    if rank() != 0:
        end_as(run(argv, env, None))
    output = Output(
        order["output"],
        order["prompts"],
        beams=number_in(words, "--num_beams") * number_in(words, "--beam_width"),
        sequences=number_in(words, "--num_return_sequences"),
        streams="--streaming" in words,
    )
    teller = Teller(output, order, words)
    end_as(teller.finish(run(argv, env, teller.take)))


def read_order() -> dict[str, Any]:
    """What the rank must know besides its words.

    Raises:
        Refused: If another version wrote it.
    """
    order: dict[str, Any] = json.loads(Path(INPUT).read_text(encoding="utf-8"))
    if order.get("version") != INPUT_VERSION:
        raise Refused(
            f"{INPUT} is of version {order.get('version')}, and this reads {INPUT_VERSION}. "
            "Fix: the same version of clusterkit here and there: run `clusterkit up INVENTORY`"
        )
    return order
