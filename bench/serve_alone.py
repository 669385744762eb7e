"""Answer prompts in this process, as `infer` does on one rank, with the model loaded once.

Run as ``python -m bench.serve_alone MODEL_FOLDER``. A line of stdin is {"prompt", "max_tokens"};
stdout has the events of the payload: ``ready``, then an ``answer`` for each line, with its times.
"""

from __future__ import annotations

import json
import sys

from clusterkit.payloads.generate import answer
from clusterkit.payloads.generate_events import tell
from clusterkit.payloads.generate_model import load
from clusterkit.payloads.generate_place import threads_of
from clusterkit.payloads.generate_prompts import read_prompts
from clusterkit.payloads.rank_main import before_torch


def main() -> None:
    """Load once, then answer until stdin ends."""
    before_torch()
    import torch

    place = {"model": sys.argv[1], "tp": 1, "pp": 1, "dtype": "auto"}
    how = {"temperature": 0.0, "top_p": 1.0, "seed": None, "logits": 0}
    asked = {**place, **how, "system": None, "raw": False}
    torch.set_num_threads(threads_of(asked))
    model = load(asked)
    tell(event="ready")
    for line in sys.stdin:
        request = {**asked, **json.loads(line)}
        (prompt,) = read_prompts({**request, "prompts": [request["prompt"]]})
        answer(model, request, 0, *prompt)


if __name__ == "__main__":
    main()
