from __future__ import annotations

import json

from clusterkit.command import Command, Result
from clusterkit.jobs import Job, JobNode, Preparation
from clusterkit.jobs.owner import Owner
from clusterkit.model.job import RankProgram
from clusterkit.placement import Placement, Rank
from clusterkit.transports.base import OnOutput
from clusterkit.transports.fake import FakeProcess, FakeTransport

HEAD = JobNode("node1", None, "/py", "/home/payload", "/home")
JOB = Job(
    id="infer-1",
    verb="infer",
    cluster="here",
    nodes=(HEAD,),
    placement=Placement((Rank(0, "node1", 0),)),
    program=RankProgram(("true",)),
    launch=Command(("mpirun", "rank")),
)


class Head(FakeTransport):
    """Answers a lease, and ends; keeps the supervisor that was started."""

    supervisor: FakeProcess

    def start(self, command: Command, on_output: OnOutput) -> FakeProcess:
        self.supervisor = super().start(command, on_output)
        return self.supervisor


def test_an_owner_prepares_before_it_begins() -> None:
    head = Head(lambda command: Result("node1", command, 3, '{"t": "alive"}\n', "words\n"))

    owner = Owner(Preparation("infer-1", (HEAD,)), head)
    heard = [owner.inbox.get(timeout=5), owner.inbox.get(timeout=5)]
    owner.begin(JOB)
    owner.let_go()

    words = ("/py", "-I", "-S", "/home/payload", "supervise", "infer-1")
    assert head.commands == [Command(words, env={"CLUSTERKIT_JOB": "infer-1"})]
    assert heard == [{"t": "alive"}, {"t": "exited", "exit_code": 3, "words": ["words"]}]
    assert owner.exited.wait(5)
    sent = [json.loads(line) for line in head.supervisor.sent.splitlines()]
    assert sent == [JOB.preparation.as_message(), JOB.as_message()]
