"""Which folders go with a job that had a tritonserver, and which stay."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from clusterkit.payloads.processes import read
from clusterkit.payloads.triton_environments import MARK, mark_begin, remove_left


def made(place: Path, *names: str) -> None:
    for name in names:
        (place / f"python_env_{name}").mkdir(parents=True)


def left(place: Path) -> list[str]:
    return sorted(path.name.removeprefix("python_env_") for path in place.iterdir())


def after_a_job(tmp_path: Path) -> tuple[Path, Path]:
    """The folder of a job whose server made folders, and where these lie."""
    job, place = tmp_path / "job", tmp_path / "tmp"
    job.mkdir()
    made(place, "before")
    time.sleep(0.02)  # the clock of files is that coarse
    for _rank in range(2):
        mark_begin(job, str(place))
        time.sleep(0.02)
        made(place, f"ours{_rank}{_rank}")
    made(place, "sh", "too_long", "filled")
    (place / "python_env_filled/x").touch()
    (place / "python_env_afile1").touch()
    (place / "python_env_alink1").symlink_to(tmp_path)
    return job, place


def test_empty_folders_since_the_first_rank_began_go(tmp_path: Path) -> None:
    job, place = after_a_job(tmp_path)

    remove_left(str(job), str(place))

    assert left(place) == ["afile1", "alink1", "before", "filled", "sh", "too_long"]


def test_all_stay_while_another_server_lives_and_where_none_was_begun(tmp_path: Path) -> None:
    job, place = after_a_job(tmp_path)
    before = left(place)
    other = subprocess.Popen(["/opt/bin/tritonserver", "100"], executable="/bin/sleep")
    try:
        while b"tritonserver" not in read(f"/proc/{other.pid}/cmdline"):
            time.sleep(0.01)
        remove_left(str(job), str(place))
    finally:
        other.kill()
        other.wait()
    assert left(place) == before

    (job / MARK).unlink()
    remove_left(str(job), str(place))
    assert left(place) == before
