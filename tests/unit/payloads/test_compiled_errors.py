"""What a person is told of a compilation that failed, by what it came from."""

from __future__ import annotations

import errno
import os
import sys

import pytest

from clusterkit.payloads.compiled_errors import chain, explained, told
from clusterkit.payloads.generate_events import Failed, Refused

HOST = os.uname().nodename
INDUCTOR = {"backend": "inductor"}


class BackendCompilerFailed(Exception):
    """As torch._dynamo has it: the cause is an attribute."""

    __module__ = "torch._dynamo.exc"

    def __init__(self, inner: Exception) -> None:
        super().__init__(f"backend='inductor' raised:\n{inner}")
        self.inner_exception = inner


@pytest.mark.parametrize(
    ("inner", "kind", "message"),
    [
        (
            RuntimeError("No working C++ compiler found in CXX: ('/none',)"),
            Failed,
            f"{HOST}: backend inductor found no C++ compiler. Fix: install one on every node "
            "(Debian and Ubuntu: `apt-get install g++`) or name it in CXX; or `backend: eager`",
        ),
        (
            RuntimeError("Failed to find C compiler. Please specify via CC environment variable"),
            Failed,
            f"{HOST}: backend inductor found no C compiler. Fix: install one on every node "
            "(Debian and Ubuntu: `apt-get install gcc`) or name it in CC; or `backend: eager`",
        ),
        (
            RuntimeError("fatal error: Python.h: No such file or directory"),
            Failed,
            f"{HOST}: backend inductor found no headers of {sys.executable}. Fix: install them "
            "on every node (Debian and Ubuntu: `apt-get install python3-dev`); or "
            "`backend: eager`",
        ),
        (
            RuntimeError("Unexpected optimization option x, known options are []"),
            Refused,
            "backend inductor: RuntimeError: Unexpected optimization option x, known options are "
            "[]. Fix: engine.options without it",
        ),
        (
            NotImplementedError("no such operator\nand a page more"),
            Failed,
            f"{HOST}: backend inductor cannot compile this model: NotImplementedError: no such "
            "operator. Fix: see this rank's log; other options; or another backend, of which "
            "eager takes all models",
        ),
    ],
)
def test_a_compilation_that_failed(inner: Exception, kind: type[Exception], message: str) -> None:
    error = told(INDUCTOR, list(chain(BackendCompilerFailed(inner))))

    assert type(error) is kind
    assert str(error) == message


def test_no_memory_is_told_by_what_was_seen() -> None:
    error = told(INDUCTOR, list(chain(MemoryError())))

    assert type(error) is Failed
    assert str(error) == (
        f"{HOST}: out of memory: MemoryError. Fix: a higher tp, a smaller batch, fewer "
        "--max-tokens, or a smaller model"
    )


def test_what_no_compiler_raised_is_left_as_it_is() -> None:
    assert told(INDUCTOR, list(chain(ValueError("a bug")))) is None


def fill() -> None:
    try:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as full:
        raise RuntimeError("backend failed") from full


def test_a_full_disk_is_told_with_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "/small")

    with pytest.raises(Failed) as caught, explained({"backend": "inductor"}):
        fill()

    assert str(caught.value) == (
        f"{os.uname().nodename}: no space is left to compile in /small. Fix: free some there, or "
        "name another folder in TORCHINDUCTOR_CACHE_DIR"
    )
