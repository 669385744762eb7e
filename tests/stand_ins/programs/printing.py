"""What run.py prints on rank 0, version by version."""

from __future__ import annotations

import os
import time

from tests.stand_ins.programs.versions import installed, release


def banner() -> None:
    """Every rank prints it; 0.8.0 forgets to end the line."""
    version = installed()
    if release(version) >= (1, 0):
        print(f"[TensorRT-LLM] TensorRT LLM version: {version}")
    elif release(version) >= (0, 8):
        end = "" if version == "0.8.0" else "\n"
        print(f"[TensorRT-LLM] TensorRT-LLM version: {version}", end=end)


def log(level: str, message: str) -> None:
    """A line of the Python logger, which goes to stdout; the environment wins over the flag."""
    level = os.environ.get("TLLM_LOG_LEVEL", level).lower()
    if level in ("info", "verbose", "trace", "debug"):
        now = time.strftime("%m/%d/%Y-%H:%M:%S")
        print(f"[{now}] [TRT-LLM] [I] {message}")


def log_cpp(message: str) -> None:
    """A line of the C++ logger, which knows the environment only."""
    if os.environ.get("TLLM_LOG_LEVEL", "INFO").upper() in ("INFO", "VERBOSE", "TRACE", "DEBUG"):
        print(f"[TensorRT-LLM][INFO] {message}")


def block(inputs: list[str], outputs: list[list[str]], sequences: int) -> None:
    """``Input [Text 0]: "…"`` and ``Output [Text 0 Beam 0]: "…"``: from 0.7 on."""
    for text, (asked, beams) in enumerate(zip(inputs, outputs, strict=True)):
        print(f'Input [Text {text}]: "{asked}"')
        for sequence in range(sequences):
            named = f" Seq {sequence}" if sequences > 1 else ""
            for beam, said in enumerate(beams):
                print(f'Output [Text {text}{named} Beam {beam}]: "{said}"')


def block_0_6(model: str, inputs: list[str], outputs: list[list[str]]) -> None:
    """The formats of 0.5 and 0.6, in which each model had its own."""
    for number, (asked, beams) in enumerate(zip(inputs, outputs, strict=True)):
        if model == "chatglm2-6b":  # of 0.5
            print("*" * 39, "Input --->", f" {asked}", "Output --->", f" {beams[0]}", sep="\n")
            print("*" * 39, "Finished!", sep="\n")
            continue
        if model == "chatglm":
            print("#" * 80)
            print(f"Input  {number:2d} ---> len={len(asked.split())}\n{asked}")
            print(f"\nOutput {number:2d} --->")
            for beam, said in enumerate(beams):
                print(f"  Beam {beam:2d} ---> len={len(said.split())}\n{said}")
            continue
        print(f'Input: "{asked}"')
        for beam, said in enumerate(beams):
            is_qwen = model == "qwen" and len(beams) > 1
            print(f'Output(beam: {beam}): "{said}"' if is_qwen else f'Output: "{said}"')
