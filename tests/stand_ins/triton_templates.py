"""A model repository to be filled, with the placeholders that the backend's releases have.

The Python backend stands in the place of `tensorrtllm`; up to 0.9 the release names its backend,
and from 0.10 on a placeholder does.
"""

from __future__ import annotations

from pathlib import Path

MODELS = Path(__file__).parent / "triton_models"
VERSIONS = ("0.5.0", "0.8.0", "0.12.0", "0.16.0", "0.19.0")


def write_templates(folder: Path, version: str) -> None:
    for model, text in templates(version).items():
        (folder / model / "1").mkdir(parents=True)
        (folder / model / "config.pbtxt").write_text(text)
        code = MODELS / f"{model}.py"
        if code.exists():
            (folder / model / "1/model.py").write_text(code.read_text())
    (folder / "ensemble/1").rmdir()  # as a checkout has it: git keeps no empty folder


def templates(version: str) -> dict[str, str]:
    """The config.pbtxt of each model."""
    number = tuple(int(part) for part in version.split("."))
    found = {
        "ensemble": _ensemble(number),
        "preprocessing": _preprocessing(number),
        "postprocessing": _postprocessing(number),
        "tensorrt_llm": _tensorrt_llm(number),
    }
    if number >= (0, 7):
        found["tensorrt_llm_bls"] = _bls(number)
    return found


def _head(name: str, batch: str, backend: str | None) -> str:
    kind = f'backend: "{backend}"' if backend else 'platform: "ensemble"'
    return f'name: "{name}"\n{kind}\nmax_batch_size: {batch}\n'


def _batch(number: tuple[int, ...]) -> str:
    return "${triton_max_batch_size}" if number >= (0, 6) else "128"


def _integer(number: tuple[int, ...]) -> str:
    return "TYPE_INT32" if number >= (0, 7) else "TYPE_UINT32"


def _tensors(kind: str, rows: list[tuple[str, str, str]]) -> str:
    """``dims`` ends with ? for those that may be left out."""
    parts = [
        f'  {{\n    name: "{name}"\n    data_type: {datatype}\n    dims: [ {dims.rstrip("?")} ]'
        + ("\n    optional: true" if dims.endswith("?") else "")
        + "\n  }"
        for name, datatype, dims in rows
    ]
    return f"{kind} [\n" + ",\n".join(parts) + "\n]\n"


def _ensemble(number: tuple[int, ...]) -> str:
    integer = _integer(number)
    words = "-1" if number < (0, 7) else "-1?"
    one = "1" if number >= (0, 12) else "-1"
    inputs = [
        ("text_input", "TYPE_STRING", one),
        ("max_tokens", integer, one),
        ("bad_words", "TYPE_STRING", words),
        ("stop_words", "TYPE_STRING", words),
        ("end_id", integer, "1?"),
        ("top_k", integer, "1?"),
        ("top_p", "TYPE_FP32", "1?"),
        ("temperature", "TYPE_FP32", "1?"),
        ("random_seed", "TYPE_UINT64", "1?"),
        ("stream", "TYPE_BOOL", "1?"),
    ]
    steps = (
        ("preprocessing", {"QUERY": "text_input", "REQUEST_OUTPUT_LEN": "max_tokens",
                           "BAD_WORDS_DICT": "bad_words", "STOP_WORDS_DICT": "stop_words"},
         {"INPUT_ID": "_ids", "REQUEST_OUTPUT_LEN": "_wanted"}),
        ("tensorrt_llm", {"input_ids": "_ids", "request_output_len": "_wanted",
                          "end_id": "end_id", "runtime_top_k": "top_k",
                          "runtime_top_p": "top_p", "temperature": "temperature",
                          "random_seed": "random_seed", "streaming": "stream"},
         {"output_ids": "_answer"}),
        ("postprocessing", {"TOKENS_BATCH": "_answer"}, {"OUTPUT": "text_output"}),
    )  # fmt: skip
    text = ",\n".join(_step(*step) for step in steps)
    logits = "# ${not_a_placeholder} of a comment\n"
    if number >= (0, 19):
        logits += "# data_type: ${logits_datatype}\n"
    return (
        _head("ensemble", _batch(number), None)
        + _tensors("input", inputs)
        + _tensors("output", [("text_output", "TYPE_STRING", "-1")])
        + logits
        + f"ensemble_scheduling {{\n  step [\n{text}\n  ]\n}}\n"
    )


def _step(model: str, inputs: dict[str, str], outputs: dict[str, str]) -> str:
    maps = [("input_map", inputs), ("output_map", outputs)]
    rows = [
        f'      {kind} {{\n        key: "{key}"\n        value: "{value}"\n      }}'
        for kind, pairs in maps
        for key, value in pairs.items()
    ]
    return (
        f'    {{\n      model_name: "{model}"\n      model_version: -1\n'
        + "\n".join(rows)
        + "\n    }"
    )


def _preprocessing(number: tuple[int, ...]) -> str:
    integer = _integer(number)
    words = "-1" if number < (0, 7) else "-1?"
    rows = [
        ("QUERY", "TYPE_STRING", "-1"),
        ("REQUEST_OUTPUT_LEN", integer, "-1"),
        ("BAD_WORDS_DICT", "TYPE_STRING", words),
        ("STOP_WORDS_DICT", "TYPE_STRING", words),
    ]
    out = [("INPUT_ID", "TYPE_INT32", "-1"), ("REQUEST_OUTPUT_LEN", integer, "-1")]
    return (
        _head("preprocessing", _batch(number), "python")
        + _queue(number, since=(0, 19))
        + _tensors("input", rows)
        + _tensors("output", out)
        + _tokenizer(number)
        + _instances("preprocessing", number)
    )


def _postprocessing(number: tuple[int, ...]) -> str:
    return (
        _head("postprocessing", _batch(number), "python")
        + _tensors("input", [("TOKENS_BATCH", "TYPE_INT32", "-1, -1")])
        + _tensors("output", [("OUTPUT", "TYPE_STRING", "-1")])
        + _tokenizer(number)
        + _instances("postprocessing", number)
    )


def _tensorrt_llm(number: tuple[int, ...]) -> str:
    backend = "${triton_backend}" if number >= (0, 10) else "python"
    rows = [
        ("input_ids", "TYPE_INT32", "-1"),
        ("request_output_len", _integer(number), "-1"),
        ("end_id", _integer(number), "1?"),
        ("runtime_top_k", _integer(number), "1?"),
        ("runtime_top_p", "TYPE_FP32", "1?"),
        ("temperature", "TYPE_FP32", "1?"),
        ("random_seed", "TYPE_UINT64", "1?"),
        ("streaming", "TYPE_BOOL", "1?"),
    ]
    optional = ["max_tokens_in_paged_kv_cache", "batch_scheduler_policy"]
    optional += ["kv_cache_free_gpu_mem_fraction"]
    if number >= (0, 8):
        optional += ["gpu_device_ids"]
    text = (
        _head("tensorrt_llm", _batch(number), backend)
        + "model_transaction_policy {\n  decoupled: ${decoupled_mode}\n}\n"
        + _queue(number, since=(0, 6))
        + _tensors("input", rows)
        + _tensors("output", [("output_ids", "TYPE_INT32", "-1, -1")])
        + "instance_group [\n  {\n    count: 1\n    kind : KIND_CPU\n  }\n]\n"
        + _parameter("gpt_model_path", "engine_dir")
        + "".join(_parameter(name, name) for name in optional)
    )
    if number >= (0, 6):
        text += _parameter("gpt_model_type", "batching_strategy")
    if number >= (0, 16):
        text += "# data_type: ${encoder_input_features_data_type}\n"
        text += _parameter("num_nodes", "num_nodes")
    return text


def _bls(number: tuple[int, ...]) -> str:
    return (
        _head("tensorrt_llm_bls", _batch(number), "python")
        + "model_transaction_policy {\n  decoupled: ${decoupled_mode}\n}\n"
        + _tensors("input", [("text_input", "TYPE_STRING", "-1")])
        + _tensors("output", [("text_output", "TYPE_STRING", "-1")])
        + _instances("bls", number)
    )


def _queue(number: tuple[int, ...], *, since: tuple[int, ...]) -> str:
    if number < since:
        return ""
    text = "dynamic_batching {\n  max_queue_delay_microseconds: ${max_queue_delay_microseconds}\n"
    if number >= (0, 12):
        text += "  default_queue_policy: { max_queue_size: ${max_queue_size} }\n"
    return text + "}\n"


def _tokenizer(number: tuple[int, ...]) -> str:
    text = _parameter("tokenizer_dir", "tokenizer_dir")
    return text + (_parameter("tokenizer_type", "tokenizer_type") if number < (0, 9) else "")


def _instances(name: str, number: tuple[int, ...]) -> str:
    count = f"${{{name}_instance_count}}" if number >= (0, 6) else "1"
    return f"instance_group [\n  {{\n    count: {count}\n    kind: KIND_CPU\n  }}\n]\n"


def _parameter(key: str, placeholder: str) -> str:
    return (
        f'parameters {{\n  key: "{key}"\n'
        f'  value: {{\n    string_value: "${{{placeholder}}}"\n  }}\n}}\n'
    )
