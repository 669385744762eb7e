"""What ranks leave on their nodes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from clusterkit.payloads.quiet import compile_in


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_a_compiler_that_is_killed_leaves_its_files_in_the_folder_of_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "TMPDIR", "/nowhere")
    scratch = tmp_path / "run/.torch"

    compile_in(str(scratch))

    compiler = subprocess.Popen(
        ["g++", "-x", "c++", "-c", "-", "-o", str(tmp_path / "a.o")],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 20
        while not (left := [path.suffix for path in scratch.iterdir()]):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        os.killpg(compiler.pid, signal.SIGKILL)
        compiler.communicate()
    assert left == [".s"]
