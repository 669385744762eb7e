"""The words of run.py, version by version: where it lies, what it takes, what it prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.version import Version

from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.tensorrt_llm.versions import LAST_WITH_ENGINES
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings

_SHARED = (0, 7)
"""From here on one run.py serves every model."""
_SEEDED = _STREAMED = (0, 11)
"""It takes a seed, and its C++ session streams: before, streaming hung or was refused."""
_LONGEST_WORD = 131_071 - len("--input_text=")
"""Linux hands no program a longer word."""
_CHATGLM = {"chatglm2": "chatglm2_6b", "chatglm3": "chatglm3_6b"}


@dataclass(frozen=True, slots=True)
class RunPy:
    """One run.py. ``path`` is below the examples; ``output`` names the format that it prints.

    ``tokenizer_flag`` None: it loads the tokenizer from the folder ``tokenizer_link`` names, in
    the folder where it runs. ``samples``: ``flags`` it takes temperature, top-k and top-p, else
    it is greedy (``greedy``), or does as the model's generation_config.json says (``config``).
    """

    path: str
    output: str
    length_flag: str = "--max_output_len"
    tokenizer_flag: str | None = "--tokenizer_dir"
    tokenizer_link: str | None = None
    model_name: str | None = None
    samples: str = "flags"
    has_seed: bool = False
    takes_several: bool = True
    has_template: bool = False
    streams: bool = False


def run_py(settings: TensorRtLlmSettings, version: Version) -> RunPy | str:
    """The one for this family and version; or, as a sentence, why there is none."""
    if version > LAST_WITH_ENGINES or settings.backend == "pytorch":
        what = (
            f"TensorRT-LLM {version}" if settings.backend != "pytorch" else "the pytorch backend"
        )
        return (
            f"engine: {what} runs no TensorRT engines, so there is no run.py to answer prompts. "
            f"Fix: `clusterkit serve`, or {LAST_WITH_ENGINES} at the latest with backend tensorrt"
        )
    if version.release >= _SHARED:
        is_late = version.release >= _SEEDED
        return RunPy(
            "run.py",
            "indexed",
            has_template=True,
            has_seed=is_late,
            streams=version.release >= _STREAMED,
        )
    is_first = version.release < (0, 6)
    match settings.family:
        case "llama":
            return RunPy("llama/run.py", "quoted", samples="greedy", takes_several=False)
        case "gpt2":
            return RunPy(
                "gpt/run.py",
                "quoted",
                tokenizer_flag="--tokenizer",
                samples="greedy",
                takes_several=False,
            )
        case "qwen" if not is_first:
            return RunPy(
                "qwen/run.py",
                "beamed",
                length_flag="--max_new_tokens",
                samples="config",
                takes_several=False,
            )
        case "chatglm2" if is_first:
            return RunPy(
                "chatglm2-6b/run.py",
                "starred",
                tokenizer_flag=None,
                tokenizer_link="pyTorchModel",
                takes_several=False,
            )
        case "chatglm2" | "chatglm3" if not is_first:
            name = _CHATGLM[settings.family]
            return RunPy("chatglm/run.py", "ruled", model_name=name, has_seed=True)
        case None:
            return (
                f"engine.family: TensorRT-LLM {version} has a run.py for each family, and nobody "
                "says which this is. Fix: set engine.family"
            )
    return (
        f"engine.family: TensorRT-LLM {version} has no example for {settings.family}. "
        "Fix: a newer version"
    )


def refusals(run: RunPy, version: Version, request: GenerateRequest) -> Iterator[str]:
    """Why this run.py cannot do what is asked, each with a fix."""
    its = f"run.py of TensorRT-LLM {version}"
    if request.system is not None:
        yield f"{its} takes no system prompt. Fix: write it into the prompt"
    if request.logits:
        yield f"{its} prints no logits. Fix: leave out `--logits`"
    if len(request.prompts) > 1 and not run.takes_several:
        yield f"{its} takes one prompt at a time. Fix: one `--prompt`, or 0.7 or later"
    if request.temperature > 0 and run.samples != "flags":
        yield f"{its} has no temperature for this family. Fix: `--temperature 0`, or 0.7 or later"
    elif request.seed is not None and request.temperature > 0 and not run.has_seed:
        yield f"{its} takes no seed. Fix: leave out `--seed`, or 0.11 or later"
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
    if run.streams and "--use_py_session" not in settings.run_flags:
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
