from __future__ import annotations

from clusterkit.command import Command
from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.transformers import Transformers
from clusterkit.errors import JobFailed, UsageError
from clusterkit.events import LauncherOutput, RankAnswer, RankEnded, RankOutput
from clusterkit.jobs import Job
from clusterkit.model.cluster import Cluster, Node, Storage
from clusterkit.model.engine import EngineSettings
from clusterkit.model.job import RankProgram
from clusterkit.model.torch_tensorrt import TorchTensorRtSettings
from clusterkit.placement import Placement, Rank
from clusterkit.use_cases.heard import Heard

ENDED = "job j: rank 0 on node1 ended"
TOO_LONG = {"event": "error", "message": "prompt 1 is too long. Fix: a shorter prompt"}


def heard(*events):
    """What is kept of these events; each is passed on."""
    passed = []
    listener = Heard(Transformers(EngineSettings()).parse, passed.append)
    for event in events:
        listener(event)
    assert passed == list(events)
    return listener


def explained(*events):
    error = heard(*events).explained(
        JobFailed(f"{ENDED}\nFix: see the logs", exit_code=7),
        Transformers(EngineSettings()).explain,
    )
    return type(error), str(error), error.exit_code


def test_a_refused_request_is_the_users_to_mend():
    said = [RankAnswer(rank, TOO_LONG) for rank in (0, 1)]

    assert explained(*said, RankEnded(0, "node1", 2, None)) == (
        UsageError,
        "prompt 1 is too long. Fix: a shorter prompt",
        2,
    )


def test_what_a_rank_knows_to_mend_stands_in_the_place_of_its_last_lines():
    why = RankAnswer(1, {"event": "error", "message": "the disk is full. Fix: free some"})
    error = heard(why).explained(
        JobFailed(f"{ENDED}\n  Traceback\n    f.write(content)\nFix: see the logs"),
        Transformers(EngineSettings()).explain,
    )

    assert str(error) == f"{ENDED}\nthe disk is full. Fix: free some"


def test_any_other_end_is_told_with_what_the_ranks_said():
    assert explained(RankAnswer(1, TOO_LONG), RankEnded(1, "node2", 1, None)) == (
        JobFailed,
        f"{ENDED}\nprompt 1 is too long. Fix: a shorter prompt",
        7,
    )
    assert explained(RankAnswer(1, {"event": "error", "message": "out of memory"})) == (
        JobFailed,
        f"out of memory\n{ENDED}\nFix: see the logs",
        7,
    )


def test_ranks_that_said_nothing_change_nothing():
    assert explained(RankEnded(1, "node2", 2, None)) == (
        JobFailed,
        f"{ENDED}\nFix: see the logs",
        7,
    )


def by_log(*events, message=f"{ENDED}\nFix: see `clusterkit logs j`"):
    """The message where the engine knows what `bad N` in a log means."""

    def explain(log):
        bad = [line for line in log.split("\n") if line.startswith("bad")]
        return f"{bad[0]} is known. Fix: mend it" if bad else None

    return str(heard(*events).explained(JobFailed(message), explain))


def test_the_log_of_the_rank_that_failed_first_explains_it():
    logs = [RankOutput(rank, "stderr", f"bad {rank}") for rank in (0, 1, 2)]
    ends = [RankEnded(2, "n", 0), RankEnded(1, "n", 1), RankEnded(0, "n", None, "SIGTERM")]

    assert by_log(*logs, *ends) == (
        f"{ENDED}\nbad 1 is known. Fix: mend it; see `clusterkit logs j`"
    )


def test_else_the_launchers_explains_it_and_then_those_of_later_ranks():
    late = [RankOutput(0, "stdout", "bad 0"), RankEnded(1, "n", 1), RankEnded(0, "n", 1)]

    assert "bad 0 is known" in by_log(*late)
    assert "bad mpirun is known" in by_log(*late, LauncherOutput("n", "bad mpirun"))


def test_what_no_log_explains_or_the_user_asked_for_stays_as_it_is():
    events = [RankOutput(0, "stderr", "bad"), RankEnded(0, "n", 1)]

    assert by_log(RankEnded(0, "n", 1)) == f"{ENDED}\nFix: see `clusterkit logs j`"
    assert by_log(*events, message="job j: interrupted") == "job j: interrupted"


def test_ranks_tell_how_they_compiled_and_what_runs_their_collectives():
    settings = TorchTensorRtSettings(name="torch-tensorrt", tp=2, backend="inductor")
    cluster = Cluster("c", "local", (Node("n", slots=2),), Storage("local", "/s"), settings)
    ready = {"device": "cpu", "memory_bytes": 8, "parameters": 4, "dtype": "float32"}
    listener = heard(
        *(
            RankAnswer(rank, ready | {"event": "ready", "load_s": 1.0 + rank, **told})
            for rank, told in enumerate(
                ({"compile_s": 7.5, "graphs": 1, "collectives": "pytorch"}, {"compile_s": 8.5})
            )
        ),
        RankAnswer(0, {"event": "answer", "prompt": 0, "prompt_text": "a", "text": "b"}),
    )
    job = Job(
        id="j",
        verb="infer",
        cluster="c",
        nodes=(),
        placement=Placement((Rank(0, "n", 0), Rank(1, "n", 1))),
        program=RankProgram(("python",)),
        launch=Command(("mpirun",)),
    )

    result = listener.result(cluster, job, request=GenerateRequest(("a",)), model="m")

    assert (result.dp, result.tp, result.batch, result.collectives) == (1, 2, 1, "pytorch")
    assert [(rank.load_s, rank.compile_s) for rank in result.ranks] == [(1.0, 7.5), (2.0, 8.5)]
