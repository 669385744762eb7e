"""Stand-in of ``run.py``: loads this rank's engine, answers with all ranks, prints on rank 0.

Device choice, and so the failure on nodes with fewer GPUs than the version believes in, is that of
the stand-in of the package ``tensorrt_llm``. The messages of what does not fit are the vendor's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.stand_ins.programs import printing
from tests.stand_ins.programs.answer import answer, share
from tests.stand_ins.programs.engine_files import read_rank
from tests.stand_ins.programs.flags import parser_of
from tests.stand_ins.programs.gpus import gpus
from tests.stand_ins.programs.libraries import load_libraries
from tests.stand_ins.programs.versions import installed, programs, release


def main(program: str) -> None:
    """One rank of a run."""
    arguments = vars(parser_of(program, programs(installed())[program]).parse_args())
    load_libraries()
    from mpi4py import MPI
    from tensorrt_llm import runtime

    printing.banner()
    world = MPI.COMM_WORLD
    folder = Path(arguments["engine_dir"])
    config = json.loads((folder / "config.json").read_text())
    printing.log(arguments["log_level"], "Load tokenizer takes: 0.1 sec")
    _load_tokenizer(_tokenizer(arguments))
    tp, pp = _parallel(config)
    engine = _engine_of(folder, config, world.rank, tp, pp)
    if world.rank < tp * pp and not engine.is_file():
        raise RuntimeError(f"[TensorRT-LLM][ERROR] Error opening engine file: {engine}")
    runner = runtime.ModelRunner
    if release(installed()) >= (0, 7) and not arguments["use_py_session"]:
        runner = runtime.ModelRunnerCpp
    runner.from_dir(engine_dir=str(folder), rank=world.rank)
    _load(engine, world.rank, tp * pp)
    printing.log_cpp(f"MPI size: {world.size}, rank: {world.rank}")
    prompts = _prompts(arguments)
    outputs = []
    for prompt in prompts:
        total = world.allreduce(share(prompt, world.rank))
        words = answer(prompt, world.size, total).split(" ")
        outputs.append(" ".join(words[: _longest(arguments)]))
    if world.rank == 0 and not arguments.get("output_csv") and not arguments.get("output_npy"):
        _print(program, arguments, config, prompts, outputs)
    if program == "examples/chatglm/run.py":
        print(f"Finished from worker {world.rank}")


def _parallel(config: dict[str, Any]) -> tuple[int, int]:
    if "builder_config" in config:
        old = config["builder_config"]
        return old["tensor_parallel"], old["pipeline_parallel"]
    mapping = config["pretrained_config"]["mapping"]
    return mapping["tp_size"], mapping["pp_size"]


def _engine_of(folder: Path, config: dict[str, Any], rank: int, tp: int, pp: int) -> Path:
    """Where this rank's file must be."""
    if "builder_config" not in config:
        return folder / f"rank{rank}.engine"
    name, dtype = (config["builder_config"][key] for key in ("name", "precision"))
    stages = f"_pp{pp}" if pp > 1 else ""
    return folder / f"{name}_{dtype}_tp{tp}{stages}_rank{rank}.engine"


def _load(path: Path, rank: int, world: int) -> None:
    """It must be of this version, and built for GPUs like these."""
    says = read_rank(path)
    if says["version"] != installed():
        raise RuntimeError(
            "[TensorRT-LLM][ERROR] IRuntime::deserializeCudaEngine: Error Code 1: Serialization "
            "(Serialization assertion stdVersionRead == kSERIALIZATION_VERSION failed. Version "
            "tag does not match. Note: Current Version: 239, Serialized Engine Version: 236)"
        )
    if says["gpu"] != gpus().architecture:
        raise RuntimeError(
            "[TensorRT-LLM][ERROR] 6: The engine plan file is generated on an incompatible "
            f"device, expecting compute {gpus().compute_capability} got compute {says['gpu']}, "
            "please rebuild."
        )
    assert (says["rank"], says["world_size"]) == (rank, world), "another rank's engine"


def _tokenizer(arguments: dict[str, Any]) -> Path:
    """Where the words are; chatglm2's run.py of 0.5 takes no flag for it."""
    named = arguments.get("tokenizer_dir") or arguments.get("tokenizer")
    return Path(named or "pyTorchModel")


def _longest(arguments: dict[str, Any]) -> int:
    """How many tokens, which are words here."""
    return int(arguments.get("max_output_len") or arguments["max_new_tokens"])


def _load_tokenizer(folder: Path) -> None:
    """Every rank loads it."""
    if not any(folder.glob("tokenizer*")):
        raise OSError(
            f"Can't load tokenizer for '{folder}'. If you were trying to load it from "
            "'https://huggingface.co/models', make sure you don't have a local directory with the "
            "same name."
        )


def _prompts(arguments: dict[str, Any]) -> list[str]:
    if arguments.get("input_file"):
        return Path(arguments["input_file"]).read_text().splitlines()
    given = arguments["input_text"]
    return [given] if isinstance(given, str) else list(given)


def _print(
    program: str,
    arguments: dict[str, Any],
    config: dict[str, Any],
    prompts: list[str],
    outputs: list[str],
) -> None:
    """The text of the input is that of the decoded tokens, special ones among them."""
    if program.count("/") == 2:  # of one model, up to 0.6
        model = program.split("/")[1]
        if not model.startswith("chatglm"):
            print(f"Running the {config['builder_config']['precision']} engine ...")
        printing.block_0_6(model, prompts, [[text] for text in outputs])
        return
    inputs = [f"<s> {prompt}" for prompt in prompts]
    beams = int(arguments["num_beams"])
    sequences = int(arguments.get("num_return_sequences") or 1)
    if arguments["streaming"]:
        step = int(arguments["streaming_interval"])
        longest = max(len(text.split(" ")) for text in outputs)
        for words in range(step, longest, step):
            partly = [[" ".join(text.split(" ")[:words])] * beams for text in outputs]
            printing.block(inputs, partly, sequences)
    printing.block(inputs, [[text] * beams for text in outputs], sequences)
    if arguments.get("run_profiling"):
        print(f"batch_size: {len(prompts)}, avg latency of 10 iterations: : 0.01 sec")
