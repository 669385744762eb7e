"""What is noted of a verb: its outcome, and nothing that may be a secret."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime, timedelta

import pytest

from clusterkit import __version__
from clusterkit.errors import ClusterkitError, Interrupted, JobFailed, UsageError
from clusterkit.model.audit_options import AuditOptions, since_time
from clusterkit.model.options import read_options
from clusterkit.results.audit import AuditEntry
from clusterkit.state.audit import add_line, audit_file, lines_here, read_entries
from clusterkit.state.folders import cluster_folder
from clusterkit.use_cases.audit import audit, audited, public_options
from clusterkit.use_cases.session import Session, Which, open_world
from tests.unit.pair import pair

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
CANARY = "canary-3d7"


@pytest.fixture
def session(tmp_path, monkeypatch):
    monkeypatch.setenv("CLUSTERKIT_HOME", str(tmp_path))
    monkeypatch.delenv("CLUSTERKIT_CLUSTER", raising=False)
    home = str(tmp_path / "clusters" / "here" / "node")
    node = pair().nodes[0]
    return Session(
        pair(name="here", provider="local", nodes=(node,), home=home), cluster_folder("here")
    )


def entry(number: int, **changes: object) -> AuditEntry:
    at = (NOW - timedelta(hours=number)).isoformat()
    fields = {"id": str(number), "at": at, "user": "ann", "host": "laptop", "pid": 1}
    ended = {"outcome": "done", "exit_code": 0, "took_s": 1, "version": "1"}
    return AuditEntry.model_validate(fields | ended | {"cluster": "here", "verb": "up"} | changes)


def test_it_is_noted_on_the_cluster_and_here(session):
    (session.folder / "node").mkdir(parents=True)
    with open_world(session) as world, audited(session, world, "build", {"model": "m"}):
        world.transport("node1")

    there = (session.folder / "node" / "audit.jsonl").read_text().splitlines()
    assert there == lines_here("here")
    (noted,) = read_entries(there)
    assert noted == AuditEntry(
        id=noted.id,
        at=noted.at,
        user=noted.user,
        host=platform.node(),
        pid=os.getpid(),
        cluster="here",
        verb="build",
        options={"model": "m"},
        outcome="done",
        exit_code=0,
        took_s=noted.took_s,
        version=__version__,
    )
    assert f"{audit_file('here').stat().st_mode & 0o777:o}" == "600"


@pytest.mark.parametrize("is_reached", [True, False])
def test_a_cluster_that_is_not_there_gets_no_folder(session, is_reached):
    with open_world(session) as world, audited(session, world, "up", {}):
        if is_reached:
            world.transport("node1")

    assert (session.folder.exists(), len(lines_here("here"))) == (False, 1)


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (JobFailed("rank 1", exit_code=124), "failed", 124),
        (KeyError("a bug"), "failed", 1),
        (KeyboardInterrupt(), "interrupted", 130),
        (Interrupted("no"), "interrupted", 130),
    ],
)
def test_how_it_ended_is_noted(session, error, outcome, code):
    with (
        pytest.raises(type(error)),
        open_world(session) as world,
        audited(session, world, "infer", {}),
    ):
        raise error

    (noted,) = read_entries(lines_here("here"))
    assert (noted.outcome, noted.exit_code) == (outcome, code)


def test_what_only_looks_is_not_noted(session):
    with open_world(session) as world, audited(session, world, "fix", {}, is_change=False):
        pass

    assert lines_here("here") == []


def test_a_place_that_cannot_be_written_fails_no_verb(session):
    audit_file("here").mkdir(parents=True)
    with open_world(session) as world, audited(session, world, "up", {}):
        pass


@pytest.mark.parametrize(
    ("verb", "words", "shown"),
    [
        ("infer", {"prompt": [CANARY], "tp": 2, "system": CANARY}, {"prompt": "***", "tp": 2}),
        ("run", {"script": "a.py", "args": [CANARY]}, {"script": "a.py"}),
        ("keys", {"action": "rotate", "only": "hosts"}, {"action": "rotate", "only": "hosts"}),
    ],
)
def test_no_word_that_may_be_a_secret_is_noted(verb, words, shown):
    found = public_options(read_options(verb, words))

    assert {name: found[name] for name in shown} == shown
    assert CANARY not in json.dumps(found)


def test_it_is_read_by_time_and_damage_is_left_out(session):
    for number in (3, 1, 2, 1):
        add_line("here", entry(number).model_dump_json())
    with audit_file("here").open("ab") as file:
        file.write(b'{"id": "4"}\n[]\n\xff\x00\n{"id"')

    everything = audit(Which("here"), AuditOptions(last=0))
    two = audit(Which(), AuditOptions(last=2))
    none = audit(Which("here"), AuditOptions(since="2026-11-20T14:30"))

    assert everything.entries == (entry(3), entry(2), entry(1))
    assert (two.cluster, two.entries, none.entries) == ("here", (entry(2), entry(1)), ())
    assert everything.unheard == "the cluster is not up"


def test_of_a_cluster_that_never_was_there_is_nothing_to_read(session):
    with pytest.raises(UsageError, match="there is no cluster named `none`"):
        audit(Which("none"), AuditOptions())


@pytest.mark.parametrize(
    ("since", "moment"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-11-20T14:00", NOW - timedelta(hours=1)),
        ("2026-11-20T15:00+01:00", NOW - timedelta(hours=1)),
        ("yesterday", None),
        ("", None),
        ("99999999999999d", None),
    ],
)
def test_since_when(since, moment):
    assert since_time(since, NOW) == moment


def test_a_time_that_is_none_is_refused():
    with pytest.raises(ClusterkitError) as caught:
        read_options("audit", {"since": "yesterday"})

    assert str(caught.value) == (
        "--since: `yesterday` is no time. Fix: write how long ago (30m, 2h, 7d), or "
        "2026-11-20T15:00"
    )
