"""Stand-in of ``examples/gpt/hf_gpt_convert.py`` (to 0.8): weights as gpt's build.py reads them.

Its parser is not on file: these flags are those that the example's documentation uses.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.stand_ins.programs.model import shape_of
from tests.stand_ins.programs.mpi import refuse_mpi


def main() -> None:
    """Write ``<out>/<N>-gpu/config.ini`` and weights."""
    parser = argparse.ArgumentParser(prog="hf_gpt_convert.py")
    parser.add_argument("--out-dir", "-o", required=True)
    parser.add_argument("--in-file", "-i", required=True)
    parser.add_argument("--tensor-parallelism", "-tp", type=int, default=1)
    parser.add_argument("--processes", "-p", type=int, default=4)
    parser.add_argument("--calibrate-kv-cache", "-kv", action="store_true")
    parser.add_argument("--smoothquant", "-sq", type=float, default=None)
    parser.add_argument("--model", default="gpt2", choices=["gpt2", "santacoder", "starcoder"])
    parser.add_argument("--storage-type", "-t", default="float32",
                        choices=["float32", "float16", "bfloat16"])  # fmt: skip
    given = parser.parse_args()
    refuse_mpi()
    shape = shape_of(Path(given.in_file))
    output = Path(given.out_dir) / f"{given.tensor_parallelism}-gpu"
    output.mkdir(parents=True, exist_ok=True)
    settings = {
        "n_layer": shape["num_layers"],
        "n_head": shape["num_heads"],
        "n_embd": shape["hidden_size"],
        "vocab_size": shape["vocab_size"],
    }
    lines = ["[gpt]", *(f"{name} = {value}" for name, value in settings.items())]
    (output / "config.ini").write_text("\n".join(lines) + "\n")
    (output / "model.wte.bin").write_bytes(b"\0" * 64)
