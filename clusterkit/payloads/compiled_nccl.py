"""Have TensorRT and PyTorch use one and the same NCCL.

PyTorch from PyPI brings a libnccl.so.2 in a folder of its own. TensorRT looks for NCCL by name:
up to 10 for libnccl.so, which is not there; from 11 on for libnccl.so.2. Where the loader looks
is settled when a process begins, so a rank begins again with another environment.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from clusterkit.payloads.compiled_packages import release

_NATIVE_SINCE = (2, 12)
_OWN_NAME_UNTIL = (11,)
_FOLDER = "nccl"


def see_one_nccl(torch_tensorrt: str | None, tensorrt: str | None) -> None:
    """Begin again where TensorRT would find another NCCL than PyTorch's, or none."""
    library = nccl_library()
    if library is None or release(torch_tensorrt) < _NATIVE_SINCE:
        return
    env = nccl_environment(library, tensorrt, dict(os.environ), Path(_FOLDER).absolute())
    if env != dict(os.environ):
        payloads = str(Path(__file__).parent)
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, payloads, "compiled"], env)  # noqa: S606


def nccl_library() -> Path | None:
    """PyTorch's libnccl.so.2; None: it uses the system's, as TensorRT does."""
    try:
        spec = find_spec("nvidia.nccl")
    except ModuleNotFoundError:  # not even `nvidia`
        return None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        library = Path(folder, "lib", "libnccl.so.2")
        if library.is_file():
            return library
    return None


def nccl_environment(
    library: Path, tensorrt: str | None, env: dict[str, str], folder: Path
) -> dict[str, str]:
    """``env`` with the places of this NCCL first; unchanged where they are there already.

    For TensorRT up to 10, ``folder`` gets a libnccl.so that is this library.
    """
    places = [str(library.parent)]
    preload = env.get("LD_PRELOAD", "").split()
    if release(tensorrt) < _OWN_NAME_UNTIL:
        folder.mkdir(exist_ok=True)
        with suppress(FileExistsError):  # another rank of this node was first
            (folder / "libnccl.so").symlink_to(library)
        places.insert(0, str(folder))
        if str(library) not in preload:
            preload.insert(0, str(library))
        env = {**env, "LD_PRELOAD": " ".join(preload)}
    others = [place for place in env.get("LD_LIBRARY_PATH", "").split(":") if place]
    rest = [place for place in others if place not in places]
    return {**env, "LD_LIBRARY_PATH": ":".join([*places, *rest])}
