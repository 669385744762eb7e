"""What a job costs over a bare mpirun of the same payload on the same nodes."""

from __future__ import annotations

import subprocess

from bench.lab import HELLO_IMAGE, MODEL_IMAGE, PYTHON, Pair, lab, pair
from bench.race import Row, Target, race, timed
from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.transformers import Transformers
from clusterkit.model.engine import EngineSettings
from clusterkit.placement import Placement, Rank

_PEER = "docker exec HEAD mpirun …"
_NEW_TOKENS = 8
_PROMPT = "What is the capital of France?"
# $0 is the payload folder; the payload wants to know its local rank and where to answer.
_HELLO = (
    "export LOCAL_RANK=$OMPI_COMM_WORLD_LOCAL_RANK CLUSTERKIT_EVENTS_FD=1; "
    f'exec {PYTHON} "$0" mpi_hello'
)
_FOLDER = "/tmp/bench"  # noqa: S108 - in the containers
_PUT = f"mkdir -p {_FOLDER} && cat > {_FOLDER}/input.json"


def hello() -> list[Row]:
    """Two nodes, two slots each."""
    with lab() as here, pair(here, "hello", slots=2, image=HELLO_IMAGE) as nodes:
        bare = nodes.mpirun(2, "sh", "-c", _HELLO, nodes.payloads)
        like_ours = nodes.mpirun(2, "sh", "-c", _HELLO, nodes.payloads, like_ours=True)
        seconds = race(
            {
                "ours": lambda: {"whole": here.clusterkit("mpi-hello", "-c", nodes.name)},
                "bare": lambda: {"whole": timed(bare)},
                "like ours": lambda: {"whole": timed(like_ours)},
            },
            runs=15,
        )
    return [
        Row(
            "mpi-hello, 4 ranks on 2 nodes",
            peer,
            seconds["ours"]["whole"],
            seconds[contestant]["whole"],
            Target("more", 0.3),
        )
        for contestant, peer in (("bare", _PEER), ("like ours", f"{_PEER} with our transports"))
    ]


def infer() -> list[Row]:
    """A real model in two halves on two nodes, greedy."""
    with lab() as here, pair(here, "infer", slots=1, image=MODEL_IMAGE) as nodes:
        model = str(here.answer("build", "-c", nodes.name)["folder"])
        bare = _bare_infer(nodes, model)
        verb = ("infer", "--prompt", _PROMPT, "--max-tokens", str(_NEW_TOKENS), "-c", nodes.name)
        seconds = race(
            {
                "ours": lambda: {"whole": here.clusterkit(*verb)},
                "bare": lambda: {"whole": timed(bare)},
            },
            runs=7,
        )
    return [
        Row(
            f"infer, pp=2 on 2 nodes, {_NEW_TOKENS} new tokens",
            _PEER,
            seconds["ours"]["whole"],
            seconds["bare"]["whole"],
            Target("more", 0.5),
        )
    ]


def _bare_infer(nodes: Pair, model: str) -> list[str]:
    """Put the same input.json on both nodes; return the command that answers it."""
    engine = Transformers(EngineSettings(model="smollm2-135m", pp=2))
    request = GenerateRequest(prompts=(_PROMPT,), max_tokens=_NEW_TOKENS)
    placement = Placement((Rank(0, "node1", 0), Rank(1, "node2", 0)))
    program = engine.program(PYTHON, nodes.payloads, model, request, placement)
    for container in nodes.containers:
        subprocess.run(
            ["docker", "exec", "-i", container, "sh", "-c", _PUT],
            input=program.files["input.json"],
            check=True,
        )
    places = ("--wdir", _FOLDER, "-x", "MASTER_ADDR=node1", "-x", "MASTER_PORT=29500")
    return nodes.mpirun(1, *places, *program.argv)
