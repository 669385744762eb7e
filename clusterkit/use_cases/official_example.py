"""Look at an official example of Torch-TensorRT, here or on the nodes, before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from clusterkit.checks.official_examples import (
    MODULES,
    PLUGIN,
    ROOT_FILE,
    Example,
    Reading,
    is_official,
    judge,
    read,
    wanted_packages,
)
from clusterkit.command import Command
from clusterkit.errors import UsageError
from clusterkit.events import Note, Sink
from clusterkit.executor import on_each, raise_failures
from clusterkit.facts import NodeFacts
from clusterkit.model.run_options import RunOptions
from clusterkit.placement import Placement
from clusterkit.transports.world import World
from clusterkit.use_cases.script import Script

_WITHIN_S = 20.0
_HIGHEST = 10
"""So many folders up do the examples look for the root of their repository."""

_WHICH = 'for path in "$@"; do if test -f "$path"; then printf "%s\\n" "$path"; fi; done'
_NOT_FOUND = (
    "import importlib.util, sys\n"
    "print(*(name for name in sys.argv[1:] if importlib.util.find_spec(name) is None))"
)


def check_example(
    script: Script,
    options: RunOptions,
    world: World,
    *,
    placement: Placement,
    facts: Mapping[str, NodeFacts],
    sink: Sink,
) -> None:
    """Judge an official example in its places, and pass on what may surprise.

    Raises:
        UsageError: With everything that would let it fail, each with a fix.
        NodesFailed: With the nodes that cannot be reached.
    """
    if not is_official(script.path):
        return
    example = (
        _there(script, options, world, placement) if script.is_there else _here(script, options)
    )
    if (reading := _read(example)) is None:
        return
    facts = _with_packages(reading, world, placement=placement, facts=facts)
    for warning in _judge(example, reading, options, placement=placement, facts=facts):
        sink(Note(warning))


def check_example_unseen(script: Script, options: RunOptions, placement: Placement) -> None:
    """The same for a dry run: what can be judged of a script of here, with no look at a node."""
    if not is_official(script.path) or script.is_there:
        return
    example = _here(script, options)
    if (reading := _read(example)) is not None:
        _judge(example, reading, options, placement=placement, facts=None)


def _judge(
    example: Example,
    reading: Reading,
    options: RunOptions,
    *,
    placement: Placement,
    facts: Mapping[str, NodeFacts] | None,
) -> tuple[str, ...]:
    """The warnings."""
    judged = judge(example, reading, placement=placement, launcher=options.launcher, facts=facts)
    if judged.problems:
        raise UsageError("\n".join(judged.problems))
    return judged.warnings


def _read(example: Example) -> Reading | None:
    return read({example.name: example.text, **example.modules})


def _here(script: Script, options: RunOptions) -> Example:
    """The example as it travels; what is no text of ours is told by the check of its syntax."""
    texts = {name: content.decode(errors="replace") for name, content in script.files.items()}
    text = texts.pop(script.path)
    modules = {name: texts[name] for name in _beside() if name in texts}
    return Example(script.path, text, modules, chdir=options.chdir)


def _there(script: Script, options: RunOptions, world: World, placement: Placement) -> Example:
    """The example as it lies on the nodes: its text by the first, files around it by all."""
    folders = tuple(PurePosixPath(script.path).parents)
    beside = {str(folders[0] / name): name for name in _beside()}
    around = [*beside, *(str(up / name) for up in folders[:_HIGHEST] for name in _ABOVE)]
    look = Command(("sh", "-c", _WHICH, "sh", *around), timeout_s=_WITHIN_S)
    answers = on_each(
        list(placement.nodes), lambda node: world.transport(node).run(look).check().stdout
    )
    raise_failures(answers)
    seen = set.intersection(*({*str(answer).splitlines()} for answer in answers.values()))

    def text_of(path: str) -> str:
        look = Command(("cat", "--", path), timeout_s=_WITHIN_S)
        return world.transport(placement.nodes[0]).run(look).check().stdout

    return Example(
        script.path,
        text_of(script.path),
        {name: text_of(path) for path, name in beside.items() if path in seen},
        travels=False,
        chdir=options.chdir,
        above=_of_root(seen, folders[:_HIGHEST]),
    )


_ABOVE = (ROOT_FILE, PLUGIN)


def _of_root(seen: set[str], folders: tuple[PurePosixPath, ...]) -> frozenset[str]:
    """What the nearest folder that looks like the repository's root has of its files."""
    for folder in folders:
        if str(folder / ROOT_FILE) in seen:
            return frozenset(name for name in _ABOVE if str(folder / name) in seen)
    return frozenset()


def _beside() -> list[str]:
    return [f"{name}.py" for name in MODULES]


def _with_packages(
    reading: Reading, world: World, *, placement: Placement, facts: Mapping[str, NodeFacts]
) -> dict[str, NodeFacts]:
    """``facts`` with the packages that a node's Python finds, though no version of them is known.

    Those were installed since, or in a way of their own.
    """
    wanted = wanted_packages(reading)
    lacking = {
        node: sorted(wanted - facts[node].packages.keys())
        for node in placement.nodes
        if wanted - facts[node].packages.keys()
    }

    def ask(node: str) -> str:
        argv = (facts[node].python, "-c", _NOT_FOUND, *lacking[node])
        return world.transport(node).run(Command(argv, timeout_s=_WITHIN_S)).check().stdout

    answers = on_each(list(lacking), ask)
    raise_failures(answers)
    found = dict(facts)
    for node, answer in answers.items():
        new = set(lacking[node]) - {*str(answer).split()}
        packages = {**facts[node].packages, **dict.fromkeys(new, "")}
        found[node] = replace(facts[node], packages=packages)
    return found
