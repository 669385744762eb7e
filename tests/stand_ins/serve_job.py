"""Stands in for ``clusterkit serve``: a detached job of that name, whose one rank is a stand-in.

``python -m tests.stand_ins.serve_job PORT [KEY]`` in the environment of a person with a cluster.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from clusterkit.engines.serving import Listening
from clusterkit.model.job import RankProgram
from clusterkit.placement import Placement, Rank
from clusterkit.use_cases.asked import ServeAsked
from clusterkit.use_cases.launch import is_running, known_facts, make_job, run
from clusterkit.use_cases.serve_group import Group
from clusterkit.use_cases.served import Served
from clusterkit.use_cases.session import Which, find, open_world

SERVER = str(Path(__file__).with_name("openai_server.py"))


def main() -> None:
    """Start it, and print the job."""
    session = find(Which())
    made = make_job(
        session,
        "serve",
        placement=Placement((Rank(0, session.cluster.head.name, 0),)),
        program=lambda *_: RankProgram(argv=(sys.executable, SERVER, *sys.argv[1:])),
        facts=known_facts(session),
        timeout_s=None,
    )
    head = session.cluster.head.name
    where = Listening("127.0.0.1", int(sys.argv[1]), "127.0.0.1")
    served = Served.of(session.cluster.engine, head, where)
    asked = ServeAsked.of(session, Group(made), served=served, detached=True)
    with open_world(session) as world:
        run(
            replace(made, asked=asked.as_json()),
            world,
            lambda _: None,
            detach_when=is_running,
        )
    print(made.id)


if __name__ == "__main__":
    main()
