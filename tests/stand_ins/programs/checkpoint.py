"""Stand-in of ``convert_checkpoint.py`` and ``quantization/quantize.py`` (from 0.8).

They fix tp and pp, and write ``config.json`` and ``rank<N>.safetensors``, one for each rank.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.stand_ins.programs.engine_files import write_json
from tests.stand_ins.programs.flags import parser_of
from tests.stand_ins.programs.libraries import load_libraries
from tests.stand_ins.programs.model import check_split, shape_of
from tests.stand_ins.programs.mpi import refuse_mpi
from tests.stand_ins.programs.versions import installed, programs

_EMPTY = json.dumps({"stand-in": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}}).encode()


def main(program: str) -> None:
    """Write a checkpoint that trtllm-build takes."""
    arguments = vars(parser_of(program, programs(installed())[program]).parse_args())
    refuse_mpi()
    load_libraries()
    if not arguments["model_dir"]:
        raise SystemExit("AssertionError: Must specify one of model_dir or meta_ckpt_dir")
    shape = shape_of(Path(arguments["model_dir"]))
    tp, pp = int(arguments["tp_size"]), int(arguments["pp_size"])
    check_split(shape, tp, pp)
    output = Path(arguments["output_dir"])
    output.mkdir(parents=True, exist_ok=True)
    config = {
        "architecture": shape["architecture"],
        "dtype": "float16" if arguments["dtype"] == "auto" else arguments["dtype"],
        "num_hidden_layers": shape["num_layers"],
        "num_attention_heads": shape["num_heads"],
        "num_key_value_heads": shape["num_kv_heads"],
        "hidden_size": shape["hidden_size"],
        "vocab_size": shape["vocab_size"],
        "mapping": {"world_size": tp * pp, "tp_size": tp, "pp_size": pp},
        "quantization": _quantization(program, arguments),
    }
    if program.endswith("quantize.py"):
        samples = int(arguments["calib_size"])
        print(f"Calibrating batch {samples // max(int(arguments['batch_size']), 1)}", flush=True)
    for rank in range(tp * pp):
        path = output / f"rank{rank}.safetensors"
        path.write_bytes(len(_EMPTY).to_bytes(8, "little") + _EMPTY)
    write_json(output / "config.json", config)
    print("Total time of converting checkpoints: 00:00:01")


def _quantization(program: str, arguments: dict[str, Any]) -> dict[str, Any]:
    if program.endswith("quantize.py"):
        named = {"fp8": "FP8", "int4_awq": "W4A16_AWQ", "int8_wo": "W8A16", "full_prec": None}
        kv = arguments["kv_cache_dtype"]
        return {
            "quant_algo": named.get(arguments["qformat"], arguments["qformat"]),
            "kv_cache_quant_algo": kv and kv.upper(),
        }
    weight_only = {"int8": "W8A16", "int4": "W4A16"}
    chosen = arguments["weight_only_precision"] if arguments["use_weight_only"] else None
    return {"quant_algo": weight_only.get(str(chosen), chosen), "kv_cache_quant_algo": None}
