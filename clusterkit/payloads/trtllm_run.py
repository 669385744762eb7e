"""Be one rank of TensorRT-LLM: run its run.py as a child, and tell what it answers.

    trtllm_run /…/examples/run.py --engine_dir … --input_text …

The words are run.py's own. What else every rank must know is in ``input.json`` in its folder:

    {"version": 1, "tensorrt_llm": "0.16.0", "output": "indexed",
     "prompts": ["…"], "tokenizer": FOLDER, "tokenizer_link": null, "greedy_by_config": false,
     "draw_seed": false}

What run.py prints is passed on as the rank's log. Events are those of `generate`, from rank 0
alone: ``token``, ``answer`` and ``done``; nobody can know when the model is loaded. It ends as
its child does.
"""

from __future__ import annotations

import sys

from clusterkit.payloads.generate_events import Refused, rank, tell
from clusterkit.payloads.rank_child import end_as, run
from clusterkit.payloads.rank_input import read_input
from clusterkit.payloads.trtllm_output import Output
from clusterkit.payloads.trtllm_tell import Teller
from clusterkit.payloads.trtllm_words import number_in, prepared


def main() -> None:
    """Run one rank to its end."""
    script, *words = sys.argv[1:]
    try:
        order = read_input()
        words, env = prepared(words, order, rank=rank())
    except Refused as error:
        tell(event="error", rank=rank(), message=str(error))
        sys.exit(error.exit_code)
    payloads = __file__.rpartition("/")[0]
    argv = [sys.executable, payloads, "trtllm_script", script, *words]
    if rank() != 0:
        end_as(run(argv, env, None))
    # No run.py has both flags, and the one that is not given counts as 1.
    beams = number_in(words, "--num_beams") * number_in(words, "--beam_width")
    output = Output(
        order["output"],
        order["prompts"],
        beams=beams,
        sequences=number_in(words, "--num_return_sequences"),
        streams="--streaming" in words,
    )
    teller = Teller(output, order, words)
    end_as(teller.finish(run(argv, env, teller.take)))
