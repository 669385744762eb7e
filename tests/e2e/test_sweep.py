"""`sweep` on Docker: what crashed runs left goes, and nothing that looks like it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.errors import NotFound

from tests.e2e.pair import NOTHING, Pair
from tests.e2e.running_job import within
from tests.e2e.test_interrupted import start_up


@pytest.fixture
def foreign(described: Pair) -> Iterator[dict[str, list[str]]]:
    """What others made beside the cluster, with names and labels like its own."""
    name, engine = described.name, described.engine
    boxes = {
        f"{name}-node3": {},
        f"clusterkit-{name}-node1": {"clusterkit.clusters": name, "cluster": name},
        f"{name}-theirs": {
            "clusterkit.cluster": f"{name}-theirs",
            "clusterkit.state": '{"machine": "x", "host": "elsewhere", "user": "0", "state": "/"}',
        },
    }
    made = [
        *(
            engine.containers.create(described.image, ["sleep", "99"], name=box, labels=labels)
            for box, labels in boxes.items()
        ),
        engine.networks.create(f"clusterkit-{name}-net", internal=True),
        engine.volumes.create(f"clusterkit-{name}-data"),
        engine.volumes.create(f"clusterkit-{name}-lockers", labels={"clusterkit.lock": "{}"}),
    ]
    try:
        yield {"names": sorted(each.name for each in made)}
    finally:
        for each in made:
            with contextlib.suppress(NotFound):
                each.remove()


def foreign_left(pair: Pair) -> list[str]:
    kinds = (
        pair.engine.containers.list(all=True),
        pair.engine.networks.list(),
        pair.engine.volumes.list(),
    )
    return sorted(each.name for kind in kinds for each in kind if pair.name in each.name)


def sweep(pair: Pair, *words: str) -> dict:
    return pair.answer("sweep", "--inventory", pair.file, *words)


def detached(pair: Pair, script: Path) -> str:
    """A job that runs, and goes on without its controller."""
    done = pair("run", "--detach", "-o", "json", "--", script)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["job"]


def names(rows: list[dict]) -> list[tuple[str, str]]:
    return [(row["kind"], row["what"]) for row in rows]


def test_what_no_state_knows_goes_and_what_others_made_stays(
    described: Pair, foreign: dict[str, list[str]]
):
    described.up()
    shutil.rmtree(described.controller.home)
    name = described.name

    asked = described("sweep", "--inventory", described.file)
    there = foreign_left(described)
    done = sweep(described, "--yes")
    again = sweep(described, "--yes")

    ours = [
        ("container", f"{name}-node1"),
        ("container", f"{name}-node2"),
        ("network", f"clusterkit-{name}"),
        ("volume", f"clusterkit-{name}-storage"),
    ]
    assert asked.returncode == 2
    assert asked.stderr.endswith(
        "Plan: 4 to destroy.\n"
        "Error: there is no terminal to ask on.\nFix: add `--yes`, if this is as wanted\n"
    )
    assert there == sorted([*foreign["names"], *(what for _, what in ours)])
    assert (names(done["found"]), names(done["removed"]), done["left"]) == (ours, ours, [])
    assert {row["why"] for row in done["found"]} == {f"cluster {name}: no state knows it"}
    assert foreign_left(described) == foreign["names"]
    assert (again["found"], again["removed"], again["left"]) == ([], [], [])


def test_a_cluster_that_is_up_and_known_stays(described: Pair):
    described.up()

    done = sweep(described, "--yes")

    assert (done["found"], done["unseen"]) == ([], [])
    assert done["spared"] == [
        {
            "node": "localhost",
            "what": f"cluster {described.name} on Docker",
            "why": "it is up and known",
        }
    ]
    assert described.planned() == []


def test_what_a_killed_up_left_goes_with_its_lock(described: Pair):
    process = start_up(described, "create container")
    os.killpg(process.pid, signal.SIGSTOP)
    alive = sweep(described, "--yes")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)

    done = sweep(described, "--yes")

    assert (alive["found"], [row["what"] for row in alive["spared"]]) == (
        [],
        [f"cluster {described.name} on Docker"],
    )
    assert "runs `clusterkit up`" in alive["spared"][0]["why"]
    assert ("lock", f"the lock of cluster {described.name}") in names(done["removed"])
    assert done["left"] == []
    assert described.left() == NOTHING


def test_a_cluster_with_a_living_job_stays_until_the_job_is_over(described: Pair):
    described.up()
    script = described.folder / "wait.py"
    script.write_text("import time; time.sleep(600)\n")
    job = detached(described, script)
    shutil.rmtree(described.controller.home)

    done = sweep(described, "--yes")

    assert (done["found"], done["spared"][0]["why"]) == ([], f"job {job} runs there")
    for number in (1, 2):
        described.container(f"node{number}").kill()
    assert len(sweep(described, "--yes")["removed"]) == len(["node1", "node2", "net", "storage"])
    assert described.left() == NOTHING


# $1 is the folder of the jobs, $2 a job that nobody has, $3 one that runs.
PLANT = """
cd /shared/clusterkit || exit
mkdir -p "$1/$2/run" engines/x.a1b2c3d4.part engines/mine.part
touch engines/x.a1b2c3d4.part/.lock engines/mine.part/notes
cd /dev/shm
touch "clusterkit-$2-0-x" "clusterkit-$3-0-x" clusterkit-other-1
exec >/dev/null 2>&1 </dev/null
for job in "$2" nightly; do CLUSTERKIT_JOB=$job setsid sleep 600 & done
MY_CLUSTERKIT_JOB=$2 CLUSTERKIT_JOBS=$2 setsid sleep 600 &
"""


def test_leftovers_on_nodes_of_a_cluster(described: Pair):
    described.up()
    script = described.folder / "wait.py"
    script.write_text("import time; print('here', flush=True); time.sleep(600)\n")
    living = detached(described, script)
    home, dead = described.home, "infer-00dead"
    described.inside("node2", "sh", "-c", PLANT, "sh", f"{home}/jobs", dead, living)

    done = sweep(described, "--yes")

    kinds = [(row["node"], row["kind"]) for row in done["removed"]]
    assert kinds == [
        ("node1", "unfinished"),
        ("node2", "process"),
        ("node2", "files"),
        ("node2", "shared-memory"),
    ]
    assert (done["left"], done["unseen"]) == ([], [])
    look = (
        'ls "$1" /dev/shm /shared/clusterkit/engines; grep -lz ^sleep /proc/[0-9]*/cmdline | wc -l'
    )
    assert described.inside("node2", "sh", "-c", look, "sh", f"{home}/jobs").split() == [
        *("/dev/shm:", "clusterkit-other-1", f"clusterkit-{living}-0-x"),  # noqa: S108
        *("/shared/clusterkit/engines:", "mine.part"),
        *(f"{home}/jobs:", living),
        "2",
    ]
    within(30, lambda: described("stop", living).returncode == 0)
