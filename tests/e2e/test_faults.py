"""A sample of `make faults`: the right message in time, nothing left, a second try succeeds."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest

from tests.faults.case import Case
from tests.faults.cases import CASES
from tests.faults.room import Room, room
from tests.faults.runner import run_case


@pytest.fixture(scope="module")
def lab(
    docker_host: docker.DockerClient, lab_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Room]:
    with room(docker_host, tmp_path_factory.mktemp("lab"), lab_image) as made:
        yield made


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.is_quick], ids=lambda case: case.name
)
def test_a_fault(lab: Room, case: Case):
    outcome = run_case(lab, case)

    assert outcome.wrong == [], outcome
