"""Stand-in of ``trtllm-build`` (from 0.8): a checkpoint's ranks become ``rank<N>.engine``."""

from __future__ import annotations

import json
from pathlib import Path

from tests.stand_ins.programs.engine_files import new_config, write_json, write_rank
from tests.stand_ins.programs.flags import parser_of
from tests.stand_ins.programs.gpus import gpus
from tests.stand_ins.programs.libraries import load_libraries
from tests.stand_ins.programs.mpi import refuse_mpi
from tests.stand_ins.programs.versions import installed, programs, release


def main() -> None:
    """Build what a checkpoint was split for; ``--gpus_per_node`` is kept from 0.10 on."""
    arguments = vars(parser_of("trtllm-build", programs(installed())["trtllm-build"]).parse_args())
    refuse_mpi()
    load_libraries()
    print(_banner(), flush=True)
    checkpoint = Path(arguments["checkpoint_dir"] or ".")
    config = json.loads((checkpoint / "config.json").read_text())
    world = config["mapping"]["world_size"]
    workers = min(gpus().count, int(arguments["workers"]))
    output = Path(arguments["output_dir"])
    output.mkdir(parents=True, exist_ok=True)
    for rank in range(world):
        if not (checkpoint / f"rank{rank}.safetensors").is_file():
            raise FileNotFoundError(checkpoint / f"rank{rank}.safetensors")
        print(f"[TRT-LLM] [I] Building rank {rank} on GPU {rank % workers}", flush=True)
        write_rank(output / f"rank{rank}.engine", rank, world)
    per_node = int(arguments.get("gpus_per_node") or config["mapping"].get("gpus_per_node") or 8)
    write_json(output / "config.json", new_config(config, arguments, per_node))
    if "output_timing_cache" in arguments:
        Path(arguments["output_timing_cache"]).write_bytes(b"timing cache of a stand-in")
    print("[TRT-LLM] [I] Total time of building all engines: 00:00:01")


def _banner() -> str:
    name = "TensorRT LLM" if release(installed()) >= (1, 0) else "TensorRT-LLM"
    return f"[{name.replace(' ', '-')}] {name} version: {installed()}"
