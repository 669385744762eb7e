"""Sweeping, on real processes."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from clusterkit.payloads.sweep import clean, sweep


def test_finds_and_ends_what_carries_the_job_wherever_it_is() -> None:
    job = f"sweep-{secrets.token_hex(4)}"
    ours = {**os.environ, "CLUSTERKIT_JOB": job}
    wrapper = subprocess.Popen(["sleep", "1000"], env=ours, start_new_session=True)
    program = subprocess.Popen(["sleep", "1001"], env={**ours, "CLUSTERKIT_EVENTS_FD": "5"})
    other = subprocess.Popen(
        ["sleep", "1002"], env={**os.environ, "CLUSTERKIT_JOB": f"{job}0", "CLUSTERKIT_ELSE": job}
    )
    try:
        found, left = sweep(job)
        assert found == [f"sleep 1001 (pid {program.pid})"]
        assert left == []
        assert other.poll() is None
    finally:
        for process in (wrapper, program, other):
            process.kill()
            process.wait()


def test_removes_the_shared_memory_of_the_job_alone() -> None:
    job = f"sweep-{secrets.token_hex(4)}"
    memory = Path("/dev/shm")  # noqa: S108
    own, other = memory / f"clusterkit-{job}-0-a", memory / f"clusterkit-{job}0-0-a"
    try:
        own.write_bytes(b"a")
        other.write_bytes(b"b")
        assert sweep(job) == ([], [])
        assert (own.exists(), other.exists()) == (False, True)
    finally:
        own.unlink(missing_ok=True)
        other.unlink(missing_ok=True)


def test_spares_itself_and_its_ancestors() -> None:
    job = f"sweep-{secrets.token_hex(4)}"
    script = f"from clusterkit.payloads.sweep import sweep; print(sweep({job!r}))"
    words = ["sh", "-c", '"$0" -c "$1"; echo survived', sys.executable, script]
    env = {**os.environ, "CLUSTERKIT_JOB": job}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=30)

    assert done.stdout == "([], [])\nsurvived\n"


def test_clean_keeps_the_record_on_the_head_only(tmp_path: Path) -> None:
    for name in ("logs", "run", "tmp"):
        (tmp_path / "job" / name).mkdir(parents=True)
    (tmp_path / "job" / "logs" / "rank-0.out").write_text("kept")
    (tmp_path / "job" / "state.json").write_text("{}")
    (tmp_path / "job" / "agent.sock").write_text("")

    clean(str(tmp_path / "job"), keep_records=True)
    assert sorted(path.name for path in (tmp_path / "job").iterdir()) == ["logs", "state.json"]

    clean(str(tmp_path / "job"), keep_records=False)
    assert not (tmp_path / "job").exists()
    clean(str(tmp_path / "job"), keep_records=True)


@pytest.mark.parametrize("keeps", [True, False])
def test_what_a_rank_mounted_is_not_cleaned_away(tmp_path: Path, keeps: bool) -> None:
    share, job = tmp_path / "share", tmp_path / "job"
    point = job / "run" / "its data"
    for each in (share, point, job / "tmp", job / "logs"):
        each.mkdir(parents=True)
    (share / "theirs").write_text("x")
    program = (
        "import sys; from clusterkit.payloads.sweep import clean; "
        f"clean(sys.argv[1], keep_records={keeps})"
    )
    mount = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    words = ["sh", "-c", mount, "sh", share, point, sys.executable, "-c", program, job]
    subprocess.run(["unshare", "-rm", *words], check=True)

    assert (share / "theirs").exists()
    assert sorted(path.name for path in job.iterdir()) == (["logs", "run"] if keeps else ["run"])
