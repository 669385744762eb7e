"""Files: what must lie beside an example or above it, and what it writes that would be lost."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from clusterkit.checks.official_examples.example import MODULES, Example
from clusterkit.checks.official_examples.reading import Reading, constant, words_of

ROOT_FILE = "MODULE.bazel"
"""By which versions 2.6 to 2.10 find the root of their repository, and so a plugin in it."""
PLUGIN = "lib/libnvinfer_plugin_tensorrt_llm.so"


def missing_files(example: Example, reading: Reading) -> Iterator[str]:
    """The modules that are not beside the script, and the repository that is not above it."""
    missing: dict[str, str] = {}
    for spot, name in reading.imports():
        root = name.partition(".")[0]
        if root in MODULES and f"{root}.py" not in example.modules:
            missing.setdefault(f"{root}.py", spot.where)
    for file, where in missing.items():
        yield (
            f"{where}: imports {file}, which is not beside {example.name}. "
            "Fix: take the whole folder of the examples, of one version"
        )
    sought = _root_sought(reading)
    if sought is None or ROOT_FILE in example.above:
        return
    if example.travels:
        yield (
            f"{sought}: looks for {ROOT_FILE} in the folders above it, and a script that travels "
            "has left its repository (Could not find repo root). Fix: copy the repository to the "
            "storage, and give the path of the script there"
        )
    else:
        yield (
            f"{sought}: looks for {ROOT_FILE} in the folders above it, and there is none (Could "
            f"not find repo root). Fix: put the file {ROOT_FILE}, which may be empty, two folders "
            f"above {example.name}, and {PLUGIN} of TensorRT-LLM beside it"
        )


def lost_output(example: Example, reading: Reading) -> Iterator[str]:
    """What is written into the folder where ranks run, if that goes with the job; or nowhere."""
    written = list(_written(reading))
    if written and example.chdir is None:
        yield (
            f"{', '.join(written)}: written in the folder where ranks run, which goes with the "
            "job. Fix: name a folder that stays, on the storage, by `--chdir FOLDER`"
        )
    if not written and not _prints(reading):
        yield (
            f"{example.name} prints nothing, and writes nothing: that it ends well is all that "
            "will be seen. Fix: none is needed; add a `print` of what it computed to see that"
        )
    where = _root_sought(reading)
    if where and ROOT_FILE in example.above and PLUGIN not in example.above:
        yield (
            f"{where}: sets TRTLLM_PLUGINS_PATH to {PLUGIN} of the repository, whatever it was, "
            "and not every node has that file. Fix: put TensorRT-LLM's there, of the same CUDA"
        )


def _root_sought(reading: Reading) -> str | None:
    found = (s.where for s in reading.all(ast.Constant) if constant(s.node) == ROOT_FILE)
    return next(found, None)


def _written(reading: Reading) -> Iterator[str]:
    """The files that are written at a relative path, as far as the text tells their names."""
    for spot, call in reading.calls("FileHandler"):
        if call.args:
            yield f"{spot.where} (a log of each rank: {words_of(call.args[0])})"
    for spot, call in reading.calls("save"):
        name = call.args[0] if call.args else None
        first = name.values[0] if isinstance(name, ast.JoinedStr) and name.values else name
        if isinstance(word := constant(first), str) and not word.startswith("/"):
            assert name is not None  # noqa: S101 - there is a word of it
            yield f"{spot.where} (files: {words_of(name)})"


def _prints(reading: Reading) -> bool:
    return any(reading.calls("print", "basicConfig", "StreamHandler"))
