"""Stand-in of run.py: two ranks of a real MPI; rank 0 prints in the format of STAND_IN_VERSION.

Its print calls follow the vendor's. STAND_IN_END says how it ends: by an exit code or a signal.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from mpi4py import MPI
from utils import arguments  # beside run.py, where Python finds it only if it runs from there

VERSION = os.environ["STAND_IN_VERSION"]
ANSWER = 'It is "Paris".\nOutput [Text 0 Beam 0]: "no"'


def main() -> None:
    """One rank."""
    world = MPI.COMM_WORLD
    given = arguments()
    banner()
    if end := os.environ.get("STAND_IN_END"):
        fail(end, world)
    if given.streaming and world.rank:  # as throttle_generator does with what is no generator
        raise UnboundLocalError("local variable 'i' referenced before assignment")
    seen = world.gather(around(given.engine_dir, world.rank))
    if seen is not None:
        print(json.dumps({"seen": seen, "words": sys.argv[1:]}), file=sys.stderr)
        prompts = given.input_text if isinstance(given.input_text, list) else [given.input_text]
        FORMATS[VERSION](prompts, given)
    if VERSION == "0.6.1 chatglm":
        print(f"Finished from worker {world.rank}")


def around(engine: str, rank: int) -> list[object]:
    """What a rank finds: descriptors it should not have, and what it is told of its node."""
    config = json.loads((Path(engine) / "config.json").read_text())
    mapping = config.get("pretrained_config", {}).get("mapping", {})
    number = os.environ.get("CLUSTERKIT_GPUS_PER_NODE")
    return [
        rank,
        os.environ.get("CLUSTERKIT_EVENTS_FD"),
        engine,
        mapping.get("gpus_per_node"),
        number,
    ]


def banner() -> None:
    """Every rank prints it."""
    if VERSION == "0.8.0":
        print("[TensorRT-LLM] TensorRT-LLM version: 0.8.0", end="")
    if VERSION == "0.16.0":
        print("[TensorRT-LLM] TensorRT-LLM version: 0.16.0")
        print("[11/20/2024-12:00:00] [TRT-LLM] [I] Load engine takes: 1.2 sec")


def fail(end: str, world: MPI.Comm) -> None:
    """Rank 1 ends as it is told; the others wait for it in vain."""
    if world.rank == 1:
        print("CUDA error: invalid device ordinal", file=sys.stderr, flush=True)
        if end.isdigit():
            os._exit(int(end))
        os.kill(os.getpid(), signal.Signals[end])
    world.barrier()


def quoted(prompts: list[str], given: object) -> None:
    """llama of 0.5: the answer goes up to the length, filled with its end."""
    print("Running the float16 engine ...")
    print(f'Input: "<s> {prompts[0]}"')
    print(f'Output: "{ANSWER}</s></s></s>"')


def beamed(prompts: list[str], given: object) -> None:
    """qwen of 0.6, sampling as generation_config.json says."""
    folder = Path(given.tokenizer_dir)
    config = json.loads((folder / "generation_config.json").read_text())
    assert (folder / "qwen.tiktoken").is_file()
    print(f'Input: "{prompts[0]}"')
    print(f'Output: "top_k {config["top_k"]}, chat_format {config["chat_format"]}"')


def starred(prompts: list[str], given: object) -> None:
    """chatglm2 of 0.5, whose tokenizer lies where it runs."""
    assert (Path("pyTorchModel") / "tokenizer_config.json").is_file()
    print("***************************************")
    print(f"Input --->\n {prompts[0]}")
    print(f"Output --->\n {ANSWER}")
    print("***************************************")
    print("Finished!")


def ruled(prompts: list[str], given: object) -> None:
    """chatglm of 0.6, which says the name of its engine."""
    for number, prompt in enumerate(prompts):
        print("#" * 80)
        print(f"\nInput  {number:2d} ---> len={len(prompt)}\n{prompt}")
        print(f"\nOutput {number:2d} --->")
        print(f"\n  Beam {0:2d} ---> len=9\n{given.model_name}: {ANSWER}")


def indexed(prompts: list[str], given: object) -> None:
    """0.7 and later; a print for every few tokens if it streams."""
    steps = [4, 12, len(ANSWER)] if given.streaming else [len(ANSWER)]
    for step in steps:
        for number, prompt in enumerate(prompts):
            print(f'Input [Text {number}]: "<s> {prompt}"')
            print(f'Output [Text {number} Beam 0]: "{ANSWER[:step]}"')


FORMATS = {
    "0.5.0 llama": quoted,
    "0.6.1 qwen": beamed,
    "0.5.0 chatglm2": starred,
    "0.6.1 chatglm": ruled,
    "0.8.0": indexed,
    "0.16.0": indexed,
}

if __name__ == "__main__":
    main()
