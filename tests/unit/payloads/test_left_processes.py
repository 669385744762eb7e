"""Whose a process is, by its environment and its words."""

from __future__ import annotations

import pytest

from clusterkit.payloads.left_processes import is_keeper, job_in
from clusterkit.payloads.sockets import listening


@pytest.mark.parametrize(
    ("environment", "job"),
    [
        (b"A=1\0CLUSTERKIT_JOB=infer-0a1b2c\0B=2", "infer-0a1b2c"),
        (b"CLUSTERKIT_JOB=mpi-hello-0a1b2c\0", "mpi-hello-0a1b2c"),
        (b"CLUSTERKIT_JOB=nightly\0", None),
        (b"CLUSTERKIT_JOB=infer-0a1b2c-again\0", None),
        (b"CLUSTERKIT_JOBS=infer-0a1b2c\0", None),
        (b"MY_CLUSTERKIT_JOB=infer-0a1b2c\0", None),
        (b"", None),
    ],
)
def test_only_the_id_of_a_job_in_our_own_variable_counts(environment, job):
    assert job_in(environment) == job


@pytest.mark.parametrize(
    ("words", "keeps"),
    [
        ("python3 -I -S /home/a/payload-0123456789ab supervise infer-0a1b2c", True),
        ("/usr/bin/python3 -I -S /x/clusterkit/payloads agent", True),
        ("python3 -I -S /home/a/payload-0123456789ab rank", False),
        ("ssh-agent", False),
        ("agent", False),
        ("python3 agent supervise", False),
    ],
)
def test_supervisors_and_agents_keep_a_job(words, keeps):
    assert is_keeper(tuple(words.split())) is keeps


def test_sockets_that_listen_are_read_from_the_kernels_tables():
    ipv4 = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  t\n"
        "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:0 0  1000 0 777 1\n"
        "   1: 0100007F:1F40 0100007F:A1B2 01 00000000:00000000 00:0 0  1000 0 778 1\n"
    )
    ipv6 = (
        "  sl  local_address                         remote_address                        st\n"
        "   0: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A "
        "00000000:00000000 00:00000000 00000000     0        0 779 1\n"
    )

    assert listening(ipv4) == {"777": "127.0.0.1:8000"}
    assert listening(ipv6) == {"779": "[::1]:22"}
    assert listening("") == {}
