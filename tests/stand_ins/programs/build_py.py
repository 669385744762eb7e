"""Stand-in of ``examples/<model>/build.py`` (to 0.7; gpt and qwen on 0.8).

One process builds the engines of all ranks, one after another. It asserts what the vendor's does:
world_size == tp_size * pp_size, layers in equal stages, heads that tp divides. chatglm's Mapping
knows tp only; llama wants the attention plugin; gpt splits its tensors only, by ``--world_size``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.stand_ins.programs.engine_files import old_config, write_json, write_rank
from tests.stand_ins.programs.flags import parser_of
from tests.stand_ins.programs.libraries import load_libraries
from tests.stand_ins.programs.model import check_split, shape_of
from tests.stand_ins.programs.mpi import refuse_mpi
from tests.stand_ins.programs.versions import installed, programs


def main(program: str) -> None:
    """Build the engines of all ranks."""
    arguments = vars(parser_of(program, programs(installed())[program]).parse_args())
    refuse_mpi()
    load_libraries()
    model = program.split("/")[1]
    source = arguments.get("model_dir") or arguments.get("hf_model_dir")
    folder = Path(source or f"./{arguments.get('model_name')}")
    weights = folder / "config.json"
    shape = _converted(folder) if model == "gpt" and not weights.exists() else shape_of(folder)
    world, tp, pp = _split(model, arguments)
    check_split(shape, tp, pp)
    name = str(arguments.get("model_name") or model)
    output = Path(arguments["output_dir"] or f"output_{name}")
    output.mkdir(parents=True, exist_ok=True)
    stages = f"_pp{pp}" if pp > 1 else ""
    for rank in range(world):
        file = f"{name}_{arguments['dtype']}_tp{tp}{stages}_rank{rank}.engine"
        print(f"[TRT-LLM] [I] Serializing engine to {output / file}...", flush=True)
        write_rank(output / file, rank, world)
    write_json(output / "config.json", old_config(name, arguments, shape))
    (output / "model.cache").write_bytes(b"timing cache of a stand-in")
    print("[TRT-LLM] [I] Total time of building all engines: 00:00:01")


def _split(model: str, arguments: dict[str, Any]) -> tuple[int, int, int]:
    world = int(arguments["world_size"])
    if "tp_size" not in arguments:
        assert model == "gpt" or world == 1, "chatglm2 of 0.5 has no parallelism"
        return world, world, 1
    tp, pp = int(arguments["tp_size"]), int(arguments["pp_size"])
    assert world == tp * pp  # the vendor's assertion has no message
    if model == "chatglm":
        assert pp == 1, f"world_size must equal to tp_size * pp_size, but got {world} != {tp} * 1"
    if model == "llama":
        assert arguments["use_gpt_attention_plugin"], "LLaMa must use gpt attention plugin"
    if arguments.get("fp8_kv_cache"):
        assert arguments["enable_fp8"], "fp8 KV cache needs --enable_fp8"
    return world, tp, pp


def _converted(folder: Path) -> dict[str, Any]:
    """gpt's build.py reads weights that hf_gpt_convert.py wrote, with a config.ini beside them."""
    settings = dict(
        line.split(" = ", 1)
        for line in (folder / "config.ini").read_text().splitlines()
        if " = " in line
    )
    heads = int(settings["n_head"])
    return {
        "num_layers": int(settings["n_layer"]),
        "num_heads": heads,
        "num_kv_heads": heads,
        "hidden_size": int(settings["n_embd"]),
        "vocab_size": int(settings["vocab_size"]),
    }
