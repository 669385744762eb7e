"""Where ranks are: nodes, the launcher that tells them so, and their GPUs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from clusterkit.checks.official_examples.example import DATA_PARALLEL, SEVERAL_NODES, Example
from clusterkit.checks.official_examples.reading import Reading, Spot, constant, words_of
from clusterkit.facts import NodeFacts
from clusterkit.model.node_sets import fold
from clusterkit.placement import Placement

_OF_MPI = "OMPI_COMM_WORLD_"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def several_nodes(example: Example, reading: Reading, placement: Placement) -> Iterator[str]:
    """What keeps ranks of several nodes from meeting."""
    if len(placement.nodes) < 2:
        return
    causes = sorted({*_overwritten(reading), *_compared(reading)})
    if causes:
        instead = "" if example.name in DATA_PARALLEL else f", or {SEVERAL_NODES} of 2.12 or later"
        yield (
            f"{'; '.join(causes)}. So it runs on one node only, and {fold(placement.nodes)} were "
            f"asked for. Fix: `--nodes {placement.nodes[0]}`{instead}"
        )


def launcher_missing(reading: Reading, placement: Placement, launcher: str) -> Iterator[str]:
    """A place that is read from Open MPI's variables, which ranks of torchrun do not have."""
    if launcher != "torchrun" or placement.world_size < 2:
        return
    others = _names_of_other_variables(reading)
    for spot in reading.all(ast.Call, ast.Subscript):
        name = _read_variable(spot.node)
        if name.startswith(_OF_MPI) and not _falls_back(spot.node, others):
            yield (
                f"{spot.where}: asks for {name} alone, which torchrun does not set, and takes "
                "each rank for the only one. Fix: `--launcher mpirun`"
            )
            return


def gpus_missing(
    reading: Reading, placement: Placement, facts: Mapping[str, NodeFacts]
) -> Iterator[str]:
    """GPUs that are wanted and not there, and more ranks of a node than may have one."""
    if (fixed := _fixed_gpu(reading)) is not None:
        crowded = [node for node, ranks in placement.by_node if len(ranks) > 1]
        if crowded:
            yield (
                f"{fixed.where}: every rank takes GPU 0 of its node, and {fold(crowded)} would "
                "have several ranks. Fix: `--per-node 1`"
            )
    if (wanted := _wants_gpu(reading)) is None:
        return
    few = [
        node
        for node, ranks in placement.by_node
        if node in facts and len(facts[node].gpus) < len(ranks)
    ]
    if few:
        have = ", ".join(f"{node} has {len(facts[node].gpus)}" for node in few)
        yield (
            f"{wanted.where}: needs a GPU for each rank, and {have}. Fix: choose nodes with GPUs "
            "by `--nodes`, ask for fewer ranks, or give GPUs to nodes by `gpus` in the inventory"
        )


def _overwritten(reading: Reading) -> Iterator[str]:
    """RANK and MASTER_ADDR, where they are set whatever the launcher said."""
    for spot, name, value in reading.environment():
        if any(f"'{name}' not in" in condition for condition in spot.conditions):
            continue
        words = words_of(value)
        if name == "RANK" and "local" in words.lower():
            yield f"{spot.where}: RANK becomes the local rank ({words})"
        elif name == "MASTER_ADDR" and constant(value) in _LOOPBACK:
            yield f"{spot.where}: MASTER_ADDR becomes {constant(value)}"


def _compared(reading: Reading) -> Iterator[str]:
    """Assertions that a rank is its local rank."""
    for spot in reading.all(ast.Assert):
        assert isinstance(spot.node, ast.Assert)  # noqa: S101 - for the type
        words = words_of(spot.node.test)
        if sorted(words.split(" == ")) in (["local_rank", "rank"], ["_local_rank", "_rank"]):
            yield f"{spot.where}: asserts that {words}"


def _read_variable(node: ast.AST) -> str:
    """The name of the variable of the environment that is read; empty: none."""
    match node:
        case ast.Call(func=ast.Attribute(attr="get" | "getenv"), args=[name, *_]):
            word = constant(name)
        case ast.Subscript(value=ast.Attribute(attr="environ"), slice=name, ctx=ast.Load()):
            word = constant(name)
        case _:
            word = None
    return word if isinstance(word, str) else ""


def _falls_back(node: ast.AST, others: set[str]) -> bool:
    """Whether another variable is asked for where the first is not set; some have a name."""
    return isinstance(node, ast.Call) and any(
        _reads_another(each) or (isinstance(each, ast.Name) and each.id in others)
        for default in node.args[1:]
        for each in ast.walk(default)
    )


def _names_of_other_variables(reading: Reading) -> set[str]:
    """What is assigned from a variable of the environment that is not Open MPI's."""
    found: set[str] = set()
    for spot in reading.all(ast.Assign):
        match spot.node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if any(map(_reads_another, ast.walk(value))):
                    found.add(name)
            case _:
                pass
    return found


def _reads_another(node: ast.AST) -> bool:
    name = _read_variable(node)
    return bool(name) and not name.startswith(_OF_MPI)


def _fixed_gpu(reading: Reading) -> Spot | None:
    found = (
        spot
        for spot, call in reading.calls("set_device")
        if call.args and constant(call.args[0]) == 0
    )
    return next(found, None)


def _wants_gpu(reading: Reading) -> Spot | None:
    """What does not work without a GPU: NCCL, a chosen device, TensorRT."""
    for spot, call in reading.calls("init_process_group"):
        given = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "backend")]
        if any(constant(word) == "nccl" for word in given):
            return spot
    chosen = (s for s, call in reading.calls("set_device") if "cuda" in words_of(call.func))
    compiled = (s for s, name in reading.imports() if name.partition(".")[0] in _FOR_GPUS)
    return next(chosen, None) or next(compiled, None)


_FOR_GPUS = ("torch_tensorrt", "tensorrt", "tensorrt_llm")
