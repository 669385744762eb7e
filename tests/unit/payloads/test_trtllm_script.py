"""A vendor's script runs as Python would run it, and a failure ends it before MPI's end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import clusterkit.payloads

PAYLOADS = str(Path(clusterkit.payloads.__file__).parent)
# What a rank of MPI does at its interpreter's end, where others wait for it.
HANGS_AT_END = "import atexit, time\natexit.register(time.sleep, 60)\n"


def run(folder: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    script = folder / "run.py"
    script.write_text(text)
    return subprocess.run(
        [sys.executable, PAYLOADS, "trtllm_script", str(script), *words],
        capture_output=True,
        text=True,
        timeout=20,
    )


def test_it_has_its_words_its_neighbours_and_its_name(tmp_path: Path):
    (tmp_path / "utils.py").write_text("here = 'beside it'\n")
    text = "import sys\nfrom utils import here\nprint(sys.argv[1:], here, __name__, sys.argv[0])\n"
    done = run(tmp_path, text, "--input_text", "a b")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"['--input_text', 'a b'] beside it __main__ {tmp_path / 'run.py'}\n"


def test_an_exception_ends_it_at_once(tmp_path: Path):
    done = run(
        tmp_path, HANGS_AT_END + "print('said', end='')\nraise ValueError('no such device')\n"
    )
    assert (done.returncode, done.stdout) == (1, "said")
    assert done.stderr.endswith("\nValueError: no such device\n")


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [("sys.exit(3)", 3, ""), ("sys.exit('why')", 1, "why\n"), ("raise SystemExit(2)", 2, "")],
)
def test_an_exit_that_tells_of_a_failure_too(tmp_path: Path, end: str, code: int, said: str):
    done = run(tmp_path, f"{HANGS_AT_END}import sys\n{end}\n")
    assert (done.returncode, done.stderr) == (code, said)


@pytest.mark.parametrize("end", ["", "import sys; sys.exit()", "import sys; sys.exit(0)"])
def test_a_success_ends_as_python_does(tmp_path: Path, end: str):
    text = f"import atexit\natexit.register(print, 'at its end')\n{end}\n"
    done = run(tmp_path, text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "at its end\n", "")
