"""Patch TensorRT-LLM where it is installed: for those who run scripts of their own."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from packaging.version import InvalidVersion, Version

from clusterkit.command import Command, Step
from clusterkit.engines.tensorrt_llm.versions import GPUS_PER_NODE_IN_CONFIG
from clusterkit.engines.versions import since
from clusterkit.errors import ClusterkitError, NodesFailed, UsageError, reason
from clusterkit.executor import on_each
from clusterkit.model.fix_options import FixOptions
from clusterkit.model.node_sets import select
from clusterkit.results.fix import FixedNode, FixResult
from clusterkit.tasks.payload import payload_folder
from clusterkit.use_cases.launch import Facts, known_facts
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.session import Session, open_world

_WITHIN_S = 60.0
_ENGINES_TELL = (
    "from 0.10 on engines carry the number in their config.json, and this is not read there: see "
    "`engine.gpus_per_node`"
)


def fix(session: Session, options: FixOptions) -> tuple[FixResult, int]:
    """Patch, look or put back on many nodes at once; the second value is the exit code.

    Raises:
        UsageError: If the cluster is not up, or nobody says how many GPUs a node has.
    """
    began = time.monotonic()
    commands = _commands(session, options, known_facts(session))

    def ask(node: str) -> FixedNode:
        answer = world.transport(node).run(commands[node]).check().stdout
        return _noted(FixedNode.model_validate({"node": node, **json.loads(answer)}))

    with open_world(session) as world:
        answers = on_each(commands, ask, world.end_running)
    rows = tuple(
        FixedNode(node=node, error=reason(node, answer))
        if isinstance(answer, ClusterkitError)
        else answer
        for node, answer in answers.items()
    )
    result = FixResult(
        cluster=session.cluster.name,
        action=options.action,
        nodes=rows,
        took_s=time.monotonic() - began,
    )
    return result, _exit_code(answers)


def fix_steps(session: Session, options: FixOptions) -> list[Step]:
    """The same for each node, not run."""
    commands = _commands(session, options, planned_facts(session.cluster))
    what = {
        "apply": "patch tensorrt_llm",
        "status": "look at tensorrt_llm",
        "revert": "put the original tensorrt_llm back",
    }[options.action]
    return [Step(node, what, command) for node, command in commands.items()]


def _commands(session: Session, options: FixOptions, facts: Facts) -> dict[str, Command]:
    cluster = session.cluster
    path = () if options.path is None else (options.path,)
    numbers = _numbers(session, options)
    return {
        node: Command(
            (
                facts[node].python,
                payload_folder(cluster.home_of(node)),
                "fix_gpus_per_node",
                options.action,
                str(number),
                *path,
            ),
            timeout_s=_WITHIN_S,
        )
        for node, number in numbers.items()
    }


def _numbers(session: Session, options: FixOptions) -> dict[str, int]:
    """What each node's package is to assume; 0 where nothing is written."""
    names = select(session.cluster, options.nodes)
    if options.action != "apply":
        return dict.fromkeys(names, 0)
    given = options.gpus_per_node
    numbers = {name: given or len(session.cluster.node(name).gpus) for name in names}
    unknown = [name for name, number in numbers.items() if not number]
    if unknown:
        raise UsageError(
            f"the inventory names no `gpus` of {', '.join(unknown)}. "
            "Fix: `--gpus-per-node N`, or name them there"
        )
    return numbers


def _noted(answer: FixedNode) -> FixedNode:
    """The answer with what the version makes of it."""
    patched = any(file.state == "patched" for file in answer.files)
    if patched and answer.version and _engines_tell(answer.version):
        return answer.model_copy(update={"note": _ENGINES_TELL})
    return answer


def _engines_tell(version: str) -> bool:
    try:
        return since(Version(version), GPUS_PER_NODE_IN_CONFIG)
    except InvalidVersion:
        return False


def _exit_code(answers: Mapping[str, FixedNode | ClusterkitError]) -> int:
    errors = {n: a for n, a in answers.items() if isinstance(a, ClusterkitError)}
    refused = [a for a in answers.values() if isinstance(a, FixedNode) and a.error]
    done = len(answers) - len(errors) - len(refused)
    if errors and not refused:
        return NodesFailed(errors, succeeded=done).exit_code
    return (3 if done else 1) if refused else 0
