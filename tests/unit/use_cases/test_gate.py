from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusterkit.errors import ClusterkitError
from clusterkit.results.doctor import DoctorLine, DoctorResult
from clusterkit.state.doctor import load_verdict, save_verdict
from clusterkit.use_cases.doctor import keep
from clusterkit.use_cases.gate import check_now, check_verdict
from clusterkit.use_cases.session import Session
from tests.unit.checks.doctor.wells import CLUSTER, WELL, facts, with_facts, with_gpus

BAD = DoctorLine(
    check="clock",
    looks_at="clocks",
    state="fail",
    nodes=("node2", "node3"),
    seen="120.0 s ahead of the others",
    fix="run NTP",
)


def verdict(*, ok: bool, gated: bool, **changes: Any) -> DoctorResult:
    made = DoctorResult(
        cluster="lab",
        ok=ok,
        nodes=("node1", "node2", "node3"),
        lines=() if ok else (BAD,),
        gated=gated,
        at="2026-11-20T09:30:00+00:00",
        took_s=1.0,
    )
    return made.model_copy(update=changes)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(CLUSTER, tmp_path)


def test_a_failed_gate_refuses_with_its_lines_and_can_be_forced(session: Session):
    save_verdict(session.folder, verdict(ok=False, gated=True))

    with pytest.raises(ClusterkitError) as refused:
        check_verdict(session, force=False)
    check_verdict(session, force=True)

    assert str(refused.value) == (
        "cluster lab failed its last gate, at 2026-11-20T09:30:00+00:00:\n"
        "node[2-3]: clocks: 120.0 s ahead of the others\n"
        "Fix: mend that and run `clusterkit doctor --gate -c lab` again, or add `--force` to go "
        "on all the same"
    )


@pytest.mark.parametrize(("ok", "gated"), [(True, True), (False, False), (True, False)])
def test_nothing_else_refuses(session: Session, ok: bool, gated: bool):
    check_verdict(session, force=False)  # before any examination
    save_verdict(session.folder, verdict(ok=ok, gated=gated))
    check_verdict(session, force=False)
    (session.folder / "doctor.json").write_text("{damaged")
    check_verdict(session, force=False)


SOME = ("node1",)


@pytest.mark.parametrize(
    ("later", "is_open"),
    [
        (verdict(ok=True, gated=True), True),
        (verdict(ok=True, gated=False), True),
        (verdict(ok=False, gated=False), False),
        (verdict(ok=False, gated=True), False),
        (verdict(ok=True, gated=True, nodes=SOME), False),
        (verdict(ok=True, gated=False, nodes=SOME), False),
        (verdict(ok=False, gated=True, nodes=SOME), False),
    ],
)
def test_a_closed_gate_is_opened_by_a_pass_of_the_same_nodes(
    session: Session, later: DoctorResult, is_open: bool
):
    keep(session, verdict(ok=False, gated=True))
    keep(session, later)

    kept = load_verdict(session.folder)
    assert kept is not None
    assert (kept.ok or not kept.gated) == is_open


def test_facts_that_differ_refuse_now(session: Session):
    with pytest.raises(ClusterkitError) as refused:
        check_now(CLUSTER, with_facts("node2", mpi_version="4.1.8").facts, force=False)
    check_now(CLUSTER, with_facts("node2", mpi_version="4.1.8").facts, force=True)
    check_now(CLUSTER, with_facts("node2", mpi_version="5.0.10").facts, force=False)
    check_now(CLUSTER, WELL.facts, force=False)

    assert str(refused.value) == (
        "cluster lab is not fit for a job:\n"
        "node2: Open MPI 4.1.8 on node2, but Open MPI 5.0.11 on node[1,3]\n"
        "Fix: give all nodes the same image, or install one version of Open MPI; or add "
        "`--force` to go on all the same"
    )


def test_a_gpu_that_is_gone_refuses_now():
    gone = {**with_gpus().facts, "node3": facts(3)}

    with pytest.raises(ClusterkitError, match="node3: GPU 0, 1 asked for, but nvidia-smi shows"):
        check_now(with_gpus().cluster, gone, force=False)
