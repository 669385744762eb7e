"""What an example imports and loads: packages, their versions, models from the hub."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from packaging.version import InvalidVersion, Version

from clusterkit.checks.official_examples.reading import Reading, constant
from clusterkit.facts import NodeFacts
from clusterkit.model.node_sets import fold

PACKAGES = {
    "accelerate": "accelerate",
    "diffusers": "diffusers",
    "tensorrt": "tensorrt",
    "tensorrt_llm": "tensorrt-llm",
    "torch": "torch",
    "torch_tensorrt": "torch-tensorrt",
    "transformers": "transformers",
}
"""What the examples import, and the name by which it is installed."""

SINCE = {"torch_tensorrt.distributed": (2, 12)}
"""The first version of torch_tensorrt with a module that an example imports."""


def unbound(reading: Reading) -> Iterator[str]:
    """Names that do not exist when they are used: the NameError of llama3 in 2.6."""
    told: set[tuple[str, str]] = set()
    for spot, name in reading.unbound():
        if (spot.file, name) not in told:
            told.add((spot.file, name))
            yield (
                f"{spot.where}: uses `{name}`, which nothing in the file defines (NameError). "
                f"Fix: add `import {name}`, or take the file of another version"
            )


def wanted_packages(reading: Reading) -> set[str]:
    """The packages that it imports, by the names that Python knows them by."""
    return {name.partition(".")[0] for _, name in reading.imports()} & PACKAGES.keys()


def missing_packages(reading: Reading, facts: Mapping[str, NodeFacts]) -> Iterator[str]:
    """Packages that are imported and not installed, or too old for a module of them."""
    first: dict[str, str] = {}
    for spot, name in reading.imports():
        first.setdefault(name.partition(".")[0], spot.where)
    for package, where in first.items():
        lacking = [node for node, its in facts.items() if package not in its.packages]
        if package in PACKAGES and lacking:
            python = facts[lacking[0]].python
            yield (
                f"{fold(lacking)}: {where} imports {package}, which {python} does not have "
                f"there. Fix: install it there (`pip install {PACKAGES[package]}`), or another "
                "`python` in the inventory" + _instead(package)
            )
    for spot, name in reading.imports():
        if name in SINCE:
            yield from _too_old(spot.where, name, facts)


def hub_models(reading: Reading) -> Iterator[str]:
    """Models that are fetched by name from Hugging Face's hub."""
    told: set[str] = set()
    for spot, call in reading.calls("from_pretrained"):
        name = _text(reading, call.args[0]) if call.args else None
        if name and not name.startswith(("/", ".")) and name not in told:
            told.add(name)
            yield (
                f"{spot.where}: every rank loads {name} from Hugging Face's hub, unless its node "
                "has it in the cache. Fix: where nodes have no network, or the model asks for a "
                "login, put it into the cache and set HF_HOME and HF_HUB_OFFLINE=1 in "
                "`container.env`"
            )


def _instead(package: str) -> str:
    """What else can be done where a package is hard to come by."""
    if package != "tensorrt_llm":
        return ""
    return ", or take the examples of a later version, which do not import it"


def _too_old(where: str, module: str, facts: Mapping[str, NodeFacts]) -> Iterator[str]:
    older: dict[str, list[str]] = {}
    for node, its in facts.items():
        installed = its.packages.get("torch_tensorrt")
        if installed and _release(installed) < SINCE[module]:
            older.setdefault(installed, []).append(node)
    for installed, nodes in older.items():
        since = ".".join(map(str, SINCE[module]))
        yield (
            f"{fold(nodes)}: {where} imports {module}, which torch_tensorrt has since {since}, "
            f"and {installed} is installed there. Fix: install a newer one, or take the examples "
            f"of {'.'.join(installed.split('.')[:2])}"
        )


def _release(version: str) -> tuple[int, ...]:
    try:
        return Version(version).release[:2]
    except InvalidVersion:
        return SINCE["torch_tensorrt.distributed"]  # who knows: it is not refused


def _text(reading: Reading, node: ast.expr) -> str | None:
    """The text of a constant, or of the name to which one was assigned."""
    if not isinstance(node, ast.Name):
        text = constant(node)
        return text if isinstance(text, str) else None
    for spot in reading.all(ast.Assign):
        match spot.node:
            case ast.Assign(targets=[ast.Name(id=node.id)], value=ast.Constant(value=str(text))):
                return text
            case _:
                pass
    return None
