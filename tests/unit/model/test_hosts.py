from __future__ import annotations

import pytest

from clusterkit.errors import UsageError
from clusterkit.model.hosts import machines
from clusterkit.model.machine import Machine

COMMON = Machine("", user="ubuntu", port=22, jump="gate", trust="accept-new")


def named(*words: str, common: Machine = COMMON) -> list[str]:
    return [str(machine) for machine in machines(words, common)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("gpu1",), ["ubuntu@gpu1:22"]),
        (("gpu[01-03].lan",), [f"ubuntu@gpu0{n}.lan:22" for n in (1, 2, 3)]),
        (("b,a", "a"), ["ubuntu@b:22", "ubuntu@a:22"]),
        (("me@10.0.0.[1-2]:2222", "x:7"), ["me@10.0.0.1:2222", "me@10.0.0.2:2222", "ubuntu@x:7"]),
    ],
)
def test_words_are_node_sets_as_ssh_takes_them(words, found):
    assert named(*words) == found


def test_what_no_word_says_is_as_for_all():
    assert machines(["me@gpu1"], COMMON) == (
        Machine("gpu1", user="me", port=22, jump="gate", trust="accept-new"),
    )
    assert named("gpu1", common=Machine("")) == ["gpu1"]


def test_every_word_that_names_no_machine_is_told():
    with pytest.raises(UsageError) as raised:
        machines(
            ["gpu[3,1]", "ok", "-oProxyCommand=x", "a b", "x:0", "x:99999", "@all", ""], COMMON
        )

    fix = "Fix: write `gpu1`, `gpu[01-04].example.net` or `user@host:port`"
    assert str(raised.value).splitlines() == [
        f"HOSTS: `gpu[3,1]` must rise inside its brackets. {fix}",
        f"HOSTS: `-oProxyCommand=x` names no machine. {fix}",
        f"HOSTS: `a b` names no machine. {fix}",
        f"HOSTS: `x:0` has a port that is not from 1 to 65535. {fix}",
        f"HOSTS: `x:99999` has a port that is not from 1 to 65535. {fix}",
        f"HOSTS: `@all` names no machine. {fix}",
        f"HOSTS: `` names no machine. {fix}",
    ]
