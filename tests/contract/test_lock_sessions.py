"""Signs of life come through where an sshd has all sessions of a connection take turns."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

import pytest

from clusterkit.command import Command
from clusterkit.state.lock import new_holder
from clusterkit.state.lock_chain import Lock
from clusterkit.transports.ssh import SshTransport
from clusterkit.transports.world import World
from clusterkit.use_cases.lock_stores import MachineLockStore
from clusterkit.use_cases.session import Session
from tests.contract.sshd import running_sshd
from tests.unit.providers.machines import lab

STEP_S = 4


def no_engine() -> None:
    raise AssertionError("nobody asked for Docker")


def test_a_step_that_takes_long_does_not_hold_them_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with (
        running_sshd(tmp_path, "MaxSessions 1", f"SetEnv HOME={home}") as sshd,
        contextlib.closing(SshTransport("gpu01", sshd.address)) as machine,
        World({"gpu01": lambda: machine}, no_engine) as world,
    ):
        store = MachineLockStore(
            Session(lab(), tmp_path), world, lambda: SshTransport("gpu01", sshd.address)
        )
        lock = Lock(store, new_holder("up"))
        assert lock.take() is None
        long = threading.Thread(target=machine.run, args=(Command(("sleep", str(STEP_S))),))
        long.start()
        began = time.monotonic()
        assert lock.beat()
        took_s = time.monotonic() - began
        is_at_work = long.is_alive()
        long.join()
        lock.release()

    assert (took_s < STEP_S, is_at_work, list(home.iterdir())) == (True, True, [])
