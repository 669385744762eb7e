"""Jobs that belong together, by their names."""

from __future__ import annotations

import pytest

from clusterkit.jobs.groups import leader_of, member_id, members_of


@pytest.mark.parametrize(
    ("job", "leader"),
    [
        ("serve-7f3a2c-r0", "serve-7f3a2c"),
        ("serve-7f3a2c-r12", "serve-7f3a2c"),
        ("serve-7f3a2c", "serve-7f3a2c"),
        ("serve-123456", "serve-123456"),
        ("mpi-hello-7f3a2c", "mpi-hello-7f3a2c"),
        ("serve-7f3a2c-rx", "serve-7f3a2c-rx"),
    ],
)
def test_the_name_says_who_leads(job: str, leader: str) -> None:
    assert leader_of(job) == leader


def test_members_are_the_leader_and_those_of_its_name() -> None:
    jobs = ("serve-aaaaaa-r0", "serve-aaaaaa", "serve-aaaaab-r0", "infer-aaaaaa")

    assert members_of("serve-aaaaaa", jobs) == ("serve-aaaaaa-r0", "serve-aaaaaa")
    assert members_of("serve-aaaaaa-r0", jobs) == ()
    assert leader_of(member_id("serve-aaaaaa", 3)) == "serve-aaaaaa"
