"""Say what a compilation or a run that failed needs."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clusterkit.payloads.generate_events import Failed, Refused

_NO_CXX = ("InvalidCxxCompiler", "No working C++ compiler")
_NO_CC = ("Failed to find C compiler",)  # of triton, by which inductor compiles for GPUs
_NO_HEADERS = ("Python.h: No such file",)
_NO_MEMORY = ("CUDA out of memory", "not enough memory", "can't allocate memory")
_NO_SPACE = ("No space left on device", "Disk quota exceeded")
_COMPILERS = ("torch._dynamo", "torch._inductor", "torch_tensorrt")
_BAD_OPTION = ("Unexpected optimization option",)


@contextmanager
def explained(request: dict[str, Any]) -> Iterator[None]:
    """Run what is inside; where it fails in a known way, say so with what would mend it."""
    try:
        yield
    except (Refused, Failed):
        raise
    except Exception as error:
        causes = list(chain(error))
        traceback.print_exc()  # the rank's log has it all
        raise told(request, causes) or error from None


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what it came from, and so on."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        context = None if one.__suppress_context__ else one.__context__
        # torch._dynamo and torch._inductor keep the cause in an attribute.
        one = getattr(one, "inner_exception", None) or one.__cause__ or context


def told(request: dict[str, Any], causes: list[BaseException]) -> Exception | None:
    """The message for a person, where the causes are known."""
    node, backend = os.uname().nodename, request["backend"]
    text = "\n".join(f"{type(cause).__name__}: {cause}" for cause in causes)
    if said(text, _NO_CXX):
        return Failed(
            f"{node}: backend {backend} found no C++ compiler. Fix: install one on every node "
            "(Debian and Ubuntu: `apt-get install g++`) or name it in CXX; or `backend: eager`"
        )
    if said(text, _NO_CC):
        return Failed(
            f"{node}: backend {backend} found no C compiler. Fix: install one on every node "
            "(Debian and Ubuntu: `apt-get install gcc`) or name it in CC; or `backend: eager`"
        )
    if said(text, _NO_HEADERS):
        return Failed(
            f"{node}: backend {backend} found no headers of {sys.executable}. Fix: install them "
            "on every node (Debian and Ubuntu: `apt-get install python3-dev`); or `backend: eager`"
        )
    if said(text, _NO_SPACE):
        place = os.environ.get("TORCHINDUCTOR_CACHE_DIR", os.getcwd())  # noqa: PTH109
        return Failed(
            f"{node}: no space is left to compile in {place}. Fix: free some there, or name "
            "another folder in TORCHINDUCTOR_CACHE_DIR"
        )
    if said(text, _NO_MEMORY) or any(isinstance(cause, MemoryError) for cause in causes):
        return Failed(
            f"{node}: out of memory: {first_line(causes)}. Fix: a higher tp, a smaller batch, "
            "fewer --max-tokens, or a smaller model"
        )
    if said(text, _BAD_OPTION):
        return Refused(f"backend {backend}: {last_line(causes)}. Fix: engine.options without it")
    if any(type(cause).__module__.startswith(_COMPILERS) for cause in causes):
        return Failed(
            f"{node}: backend {backend} cannot compile this model: {last_line(causes)}. Fix: see "
            "this rank's log; other options; or another backend, of which eager takes all models"
        )
    return None


def said(text: str, signs: tuple[str, ...]) -> bool:
    """Whether one of the signs is in the text."""
    return any(sign in text for sign in signs)


def first_line(causes: list[BaseException]) -> str:
    """What was seen."""
    return _line(causes[0])


def last_line(causes: list[BaseException]) -> str:
    """What it came from."""
    return _line(causes[-1])


def _line(cause: BaseException) -> str:
    text = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {text[0]}" if text else type(cause).__name__
