"""Stand-in of ``examples/<model>/quantize.py`` of 0.7: one .npz of scaling factors, for build.py.

Its parser is not on file; the flags are those of the documented recipe.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.stand_ins.programs.model import shape_of
from tests.stand_ins.programs.mpi import refuse_mpi


def main() -> None:
    """Write ``<export_path>/llama_tp1_rank0.npz``."""
    parser = argparse.ArgumentParser(prog="quantize.py")
    parser.add_argument("--model_dir", required=True)
    parser.add_argument("--dtype", default="float16")
    parser.add_argument("--qformat", choices=["fp8", "int4_awq"], default="fp8")
    parser.add_argument("--export_path", default="exported_model")
    parser.add_argument("--calib_size", type=int, default=512)
    given = parser.parse_args()
    refuse_mpi()
    shape_of(Path(given.model_dir))
    output = Path(given.export_path)
    output.mkdir(parents=True, exist_ok=True)
    print(f"Calibrating batch {given.calib_size}", flush=True)
    name = f"{Path(given.model_dir).name}.npz"
    for file in ("llama_tp1_rank0.npz", name):
        (output / file).write_bytes(b"scaling factors of a stand-in")
