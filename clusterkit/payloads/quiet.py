"""Keep the libraries that read models to what is asked of them."""

from __future__ import annotations

import os


def quiet(scratch: str) -> None:
    """Keep their progress bars and advice out of the log, and them off the network.

    ``scratch`` is a folder that goes with the work: torch would make one in /tmp, and leave it.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    os.environ["TQDM_DISABLE"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", scratch)


def compile_in(scratch: str) -> None:
    """Have compilers keep their temporary files here: one that is killed leaves them."""
    os.makedirs(scratch, exist_ok=True)  # noqa: PTH103
    os.environ["TMPDIR"] = scratch
