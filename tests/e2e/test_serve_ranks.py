"""Many requests at once over ranks of a real model: each is answered as one process answers it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.model import MPIRUN, Run, built_model, free_port, generate
from tests.e2e.model import REPOSITORY as HERE
from tests.e2e.running_job import within

PROMPTS = [
    "What is the capital of France?",
    "Write a poem about the sea.",
    "List three fruits.",
    "Tell me a story of a dragon who lived in a cave, loved tea and hated the rain. " * 3,
    "Why is the sky blue?",
    "Hi!",
    "Count to ten.",
    "What is 2+2?",
]
TOKENS = [4, 16, 6, 12, 1, 12, 9, 2]
STOP = 2
POEM, STORY = PROMPTS[1], PROMPTS[3]
SAMPLED = {"temperature": 1.0, "top_p": 0.9, "seed": 5}
WITHIN_S = 240


@pytest.fixture(scope="module")
def model() -> str:
    return built_model().folder


@pytest.fixture(scope="module")
def alone(model: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[int]]:
    """What one process answers, one after the other."""
    run = generate(tmp_path_factory.mktemp("alone"), model, *PROMPTS, max_tokens=max(TOKENS))
    return dict(zip(PROMPTS, run.token_ids, strict=True))


@pytest.mark.parametrize(("tp", "pp"), [(1, 2), (3, 1)])
def test_many_at_once_and_a_rank_that_is_killed(
    alone: dict[str, list[int]], model: str, tmp_path: Path, tp: int, pp: int
) -> None:
    asked = [[prompt, tokens, {}] for prompt, tokens in zip(PROMPTS, TOKENS, strict=True)]
    script = [
        ["answers", *asked],
        ["answers", [POEM, 8, SAMPLED], [STORY, 4, {}], [POEM, 8, {**SAMPLED, "seed": 6}]],
        ["answers", [POEM, 8, SAMPLED | {"top_logprobs": 2}]],
        ["cancel", [POEM, 200, {}], [STORY, 8, {}]],
        ["lost", [POEM, 500, {}], [STORY, 500, {}]],
    ]
    last = tp * pp - 1

    run, killed_at = play(tmp_path, model, script, tp=tp, pp=pp, kill=last)

    many, beside, by_itself = run.of("answers")
    expected = [alone[prompt][:tokens] for prompt, tokens in zip(PROMPTS, TOKENS, strict=True)]
    assert many["token_ids"] == expected
    ends = ["stop" if tokens[-1] == STOP else "length" for tokens in expected]
    assert (many["finish"], set(ends)) == (ends, {"stop", "length"})
    assert beside["token_ids"][1] == alone[STORY][:4]
    assert beside["token_ids"][0] == by_itself["token_ids"][0] != beside["token_ids"][2]
    ((logprob, top),) = by_itself["logprobs"]
    assert top[0][1] >= top[1][1] >= -10
    assert logprob <= 0
    (cancel,) = run.of("cancel")
    assert cancel["running"] <= 1  # the other, unless it has its answer by then
    assert (cancel["token_ids"], cancel["late"]) == (alone[STORY][:8], 0)
    (running,) = run.of("running")
    assert [(row["rank"], row["node"]) for row in running["ranks"]] == [
        (rank, f"node{rank + 1}") for rank in range(tp * pp)
    ]
    assert all(row["memory_bytes"] > 0 for row in running["ranks"])
    why = f"rank {last} on node{last + 1} is gone"
    (lost,) = run.of("lost")
    assert (lost["said"], lost["failure"]) == ([why, why], why)
    assert lost["at"] - killed_at < 10
    assert run.of("refused") == [{"event": "refused", "said": why}]
    assert {"event": "error", "rank": 0, "message": why} in run.events
    assert run.exit_code != 0


def test_a_rank_that_is_stopped_is_named_and_killed(model: str, tmp_path: Path) -> None:
    script = [["lost", *[[prompt, 500, {}] for prompt in PROMPTS[:4]]]]

    run, stopped_at = play(tmp_path, model, script, tp=1, pp=2, kill=1, by=signal.SIGSTOP)

    why = "rank 1 on node2 has not answered for 10 s"
    (lost,) = run.of("lost")
    assert (lost["said"], lost["failure"]) == ([why] * 4, why)
    assert 5 < lost["at"] - stopped_at < 20  # 10 s after its last beat, which came before
    assert {"event": "error", "rank": 0, "message": why} in run.events
    assert run.exit_code != 0
    within(5, lambda: not Path("/proc", str(_pid(run.events, 1))).exists())


def test_idle_ranks_cost_nothing_and_leave_when_told(model: str, tmp_path: Path) -> None:
    script = [["idle", 6.0], ["answers", ["Hi!", 2, {}]]]

    run, _ = play(tmp_path, model, script, tp=1, pp=2)

    (idle,) = run.of("idle")
    assert idle["cpu_s"] < 0.5
    assert len(run.of("answers")[0]["token_ids"][0]) == 2
    assert (run.exit_code, run.of("error"), run.stderr) == (0, [], "")
    (serving,) = run.of("serving")
    assert (serving["model"], serving["answer"][:6]) == ("smollm2-135m", " Paris")


def play(
    folder: Path,
    model: str,
    script: list[Any],
    *,
    tp: int,
    pp: int,
    kill: int | None = None,
    by: signal.Signals = signal.SIGKILL,
) -> tuple[Run, float]:
    """Run the script; send this rank a signal when it says that requests are running."""
    request = {
        **{"version": 1, "model": model, "name": "smollm2-135m", "tp": tp, "pp": pp},
        **{"dtype": "auto", "threads": 1, "compile": "off", "max_batch": 8, "max_queue": 4},
        "map": [{"rank": rank, "node": f"node{rank + 1}"} for rank in range(tp * pp)],
        "script": script,
    }
    (folder / "input.json").write_text(json.dumps(request))
    theirs = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "GLOO_SOCKET_IFNAME": "lo",
        "PYTHONPATH": str(HERE),
    }
    root = ("--allow-run-as-root",) if os.geteuid() == 0 else ()
    words = (*root, "--oversubscribe", "--bind-to", "none", "-n", str(tp * pp))
    exports = [word for name in theirs for word in ("-x", name)]
    argv = [str(MPIRUN), *words, *exports, sys.executable, "-m", "tests.e2e.serve_rank"]
    events: list[dict[str, Any]] = []
    killed_at = 0.0
    with (
        (folder / "stderr").open("w+") as stderr,
        subprocess.Popen(
            argv,
            cwd=folder,
            env=os.environ | theirs,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as mpirun,
    ):
        late = threading.Timer(WITHIN_S, mpirun.terminate)
        late.start()
        try:
            assert mpirun.stdout is not None
            for line in mpirun.stdout:
                events.append(json.loads(line))
                if events[-1]["event"] == "running" and kill is not None:
                    killed_at = time.time()
                    os.kill(_pid(events, kill), by)
        finally:
            late.cancel()
            mpirun.terminate()
        code = mpirun.wait(timeout=30)
        return Run(code, events, (folder / "stderr").read_text()), killed_at


def _pid(events: list[dict[str, Any]], rank: int) -> int:
    return next(row["pid"] for row in events if row["event"] == "pid" and row["rank"] == rank)  # type: ignore[no-any-return]
