"""The words of run.py, version by version: where it lies, what it takes, what it prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from packaging.version import Version

from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.tensorrt_llm.families import (
    CHATGLM,
    chatglm_name,
    is_first_chatglm,
    missing_family,
)
from clusterkit.engines.tensorrt_llm.flags import check_flags, has_flag
from clusterkit.engines.versions import since
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings

_SHARED = (0, 7)
"""From here on one run.py serves every model."""
_SEEDED = _STREAMED = (0, 11)
"""It takes a seed, and its C++ session streams: before, streaming hung or was refused."""
_NOT_STREAMED = ("--use_py_session", "--num_beams")
"""Of several beams nothing is streamed before 0.13, and the best is not known before the end."""
_LONGEST_WORD = 131_071 - len("--input_text=")
"""Linux hands no program a longer word."""
_PRINTED = "nothing: answers are read from what is printed"
_OURS = {
    "--model_name": "engine.family",
    "--engine_dir": "engine.model",
    "--tokenizer_dir": "engine.tokenizer",
    "--tokenizer": "engine.tokenizer",
    "--input_text": "`--prompt`",
    "--input_file": "`--prompts`",
    "--input_tokens": "`--prompts`",
    "--max_output_len": "`--max-tokens`",
    "--max_new_tokens": "`--max-tokens`",
    "--temperature": "`--temperature`",
    "--top_p": "`--top-p`",
    "--random_seed": "`--seed`",
    "--no_prompt_template": "`--raw`",
    "--output_csv": _PRINTED,
    "--output_npy": _PRINTED,
}
"""Flags that clusterkit sets, and what to use in their place."""


@dataclass(frozen=True, slots=True)
class RunPy:
    """One run.py. ``path`` is below the examples; ``output`` is what it prints (trtllm_output).

    ``tokenizer_flag`` None: it loads the tokenizer from the folder ``tokenizer_link`` names, in
    the folder where it runs. ``samples``: ``flags`` it takes temperature, top-k and top-p, else
    it is greedy (``greedy``), or does as the model's generation_config.json says (``config``).
    """

    path: str
    output: Literal["indexed", "quoted", "beamed", "starred", "ruled"]
    length_flag: str = "--max_output_len"
    tokenizer_flag: str | None = "--tokenizer_dir"
    tokenizer_link: str | None = None
    model_name: str | None = None
    samples: Literal["flags", "greedy", "config"] = "flags"
    has_seed: bool = False
    takes_several: bool = True
    has_template: bool = False
    streams: bool = False


def run_py(settings: TensorRtLlmSettings, version: Version) -> RunPy | str:
    """The one for this family and version; or, as a sentence, why there is none."""
    if since(version, _SHARED):
        late = since(version, _SEEDED)
        return RunPy("run.py", "indexed", has_template=True, has_seed=late, streams=late)
    family = settings.family
    if family is None:
        return (
            f"engine.family: TensorRT-LLM {version} has a run.py for each family, and nobody "
            "says which this is. Fix: set engine.family"
        )
    if problem := missing_family(family, version):
        return problem
    if is_first_chatglm(family, version):
        return _CHATGLM_OF_0_5
    if family in CHATGLM:
        name = chatglm_name(family, settings.model, {})
        return RunPy("chatglm/run.py", "ruled", model_name=name, has_seed=True)
    return _OLD[family]


_CHATGLM_OF_0_5 = RunPy(
    "chatglm2-6b/run.py",
    "starred",
    tokenizer_flag=None,
    tokenizer_link="pyTorchModel",
    takes_several=False,
)
_OLD = {
    "llama": RunPy("llama/run.py", "quoted", samples="greedy", takes_several=False),
    "gpt2": RunPy(
        "gpt/run.py", "quoted", tokenizer_flag="--tokenizer", samples="greedy", takes_several=False
    ),
    "qwen": RunPy(
        "qwen/run.py",
        "beamed",
        length_flag="--max_new_tokens",
        samples="config",
        takes_several=False,
    ),
}
"""Up to 0.6, of families that had one each."""


def refusals(
    run: RunPy, settings: TensorRtLlmSettings, version: Version, request: GenerateRequest
) -> Iterator[str]:
    """Why this run.py cannot do what is asked, each with a fix."""
    its = f"{run.path} of TensorRT-LLM {version}"
    if request.system is not None:
        yield f"{its} takes no system prompt. Fix: write it into the prompt"
    if request.logits:
        yield f"{its} prints no logits. Fix: leave out `--logits`"
    if len(request.prompts) > 1 and not run.takes_several:
        yield f"{its} takes one prompt at a time. Fix: one `--prompt`, or 0.7.0 or newer"
    if request.temperature > 0 and run.samples != "flags":
        yield (
            f"{its} has no temperature for this family. Fix: `--temperature 0`, or 0.7.0 or newer"
        )
    elif request.seed is not None and request.temperature > 0 and not run.has_seed:
        yield f"{its} takes no seed. Fix: leave out `--seed`, or 0.11.0 or newer"
    yield from _of_prompts(its, request)
    ours = _OURS if request.temperature else {**_OURS, "--top_k": "`--temperature`"}
    for problem in check_flags(run.path, version, settings.run_flags, ours=ours):
        yield f"engine.run_flags: {problem}"


def _of_prompts(its: str, request: GenerateRequest) -> Iterator[str]:
    for number, prompt in enumerate(request.prompts, 1):
        if "\0" in prompt:
            yield f"prompt {number} has a NUL character, which no program takes. Fix: remove it"
        if len(prompt.encode()) > _LONGEST_WORD:
            yield (
                f"prompt {number} has {len(prompt.encode())} bytes, and {its} takes it as one "
                f"word, of {_LONGEST_WORD} bytes at most. Fix: a shorter prompt"
            )
        if prompt.startswith("-") and len(request.prompts) > 1:
            yield (
                f"prompt {number} begins with a dash, which {its} would take for a flag among "
                "several prompts. Fix: ask it alone, or begin it with something else"
            )


def words(
    run: RunPy,
    settings: TensorRtLlmSettings,
    request: GenerateRequest,
    *,
    engine_folder: str,
    tokenizer_folder: str,
) -> Iterator[str]:
    """Everything behind ``run.py``, but for what the settings add."""
    if run.model_name:
        yield from ("--model_name", run.model_name)
    yield from ("--engine_dir", engine_folder)
    if run.tokenizer_flag:
        yield from (run.tokenizer_flag, tokenizer_folder)
    if len(request.prompts) == 1 and request.prompts[0].startswith("-"):
        yield f"--input_text={request.prompts[0]}"
    else:
        yield from ("--input_text", *request.prompts)
    yield from (run.length_flag, str(request.max_tokens))
    if run.path == "run.py":
        # It cuts a longer prompt without a word. With room for one that fits no engine, the
        # engine refuses it.
        yield from ("--max_input_length", str(settings.max_input_len + settings.max_output_len))
    yield from _sampling(run, request)
    if run.has_template and request.raw:
        yield "--no_prompt_template"
    yield from ("--log_level", "error")
    if run.streams and not any(has_flag(settings.run_flags, flag) for flag in _NOT_STREAMED):
        yield "--streaming"


def _sampling(run: RunPy, request: GenerateRequest) -> Iterator[str]:
    if run.samples != "flags":
        return
    if request.temperature == 0:
        yield from ("--top_k", "1")
        return
    yield from ("--temperature", f"{request.temperature:g}")
    yield from ("--top_k", "0", "--top_p", f"{request.top_p:g}")
    if run.has_seed and request.seed is not None:
        yield from ("--random_seed", str(request.seed))
