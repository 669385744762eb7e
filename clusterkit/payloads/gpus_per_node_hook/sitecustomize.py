"""Have TensorRT-LLM take CLUSTERKIT_GPUS_PER_NODE where it would assume 8 GPUs per node.

Python imports this file at its start when its folder is on PYTHONPATH. Nothing that is installed
is changed: the real modules are loaded by their real loaders, and then two functions of theirs get
another default. Where a caller gives the number itself, it is the caller's: up to 0.9 none of
TensorRT-LLM's own does, but for those that pass on a number that is right already. A program that
never imports TensorRT-LLM pays one look into a dict for each import.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing would cost every start of Python a few milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

_NAME = "gpus_per_node"
_VARIABLE = "CLUSTERKIT_GPUS_PER_NODE"


class Finder:
    """Finds nothing itself: asks the others, and has what they find mended once it is loaded."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._mends: dict[str, Callable[[ModuleType, int], None]] = {
            "tensorrt_llm.mapping": mend_mapping,
            "tensorrt_llm.runtime.model_runner_cpp": mend_runner,
        }

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The real spec, whose loader mends the module; None: it is none of those modules."""
        mend = self._mends.get(name)
        if mend is None:
            return None
        spec = _found(name, path, target)
        if spec is not None:
            self._mend_after(spec.loader, mend)
        return spec

    def _mend_after(self, loader: Any, mend: Callable[[ModuleType, int], None]) -> None:
        """The loader is this module's alone, and is as it was when it has done its work."""
        theirs = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module
            theirs(module)
            mend(module, self._number)

        loader.exec_module = exec_module


def mend_mapping(module: Any, number: int) -> None:
    """Give the constructors of the mapping another default; later ones have it in a base too."""
    for name in ("MappingBase", "Mapping"):
        kind = getattr(module, name, None)
        if kind is not None and "__init__" in vars(kind):
            kind.__init__ = _with_default(kind.__init__, number)


def mend_runner(module: Any, number: int) -> None:
    """Give `WorldConfig.mpi`, which is C++ and takes the number first, another default."""
    kind = getattr(module, "WorldConfig", None)
    if kind is None or not hasattr(kind, "mpi"):
        return
    theirs = kind.mpi

    def mpi(*args: Any, **kwargs: Any) -> Any:
        if not args:
            kwargs.setdefault(_NAME, number)
        return theirs(*args, **kwargs)

    kind.mpi = staticmethod(mpi)


def _with_default(theirs: Callable[..., None], number: int) -> Callable[..., None]:
    import functools
    import inspect

    signature = inspect.signature(theirs)
    if _NAME not in signature.parameters:
        return theirs

    @functools.wraps(theirs)
    def init(*args: Any, **kwargs: Any) -> None:
        try:
            given = signature.bind_partial(*args, **kwargs).arguments
        except TypeError:  # a wrong call: theirs says what is wrong with it
            given = {_NAME: None}
        if _NAME not in given:
            kwargs[_NAME] = number
        theirs(*args, **kwargs)

    return init


def _import_the_next_one() -> None:
    """Import the sitecustomize that this one stands before, as if this one were not there."""
    here = os.path.realpath(__file__).rpartition("/")[0]
    others = [folder for folder in sys.path if os.path.realpath(folder) != here]
    spec = _found("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        from importlib.util import module_from_spec

        module = sys.modules["sitecustomize"] = module_from_spec(spec)
        spec.loader.exec_module(module)


def _found(name: str, path: Any, target: Any = None) -> ModuleSpec | None:
    """What Python's own finders and those of others know of a module."""
    for finder in sys.meta_path:
        find = None if isinstance(finder, Finder) else getattr(finder, "find_spec", None)
        spec: ModuleSpec | None = find(name, path, target) if find else None
        if spec is not None:
            return spec
    return None


if __name__ == "sitecustomize":
    if os.environ.get(_VARIABLE):
        sys.meta_path.insert(0, Finder(int(os.environ[_VARIABLE])))
    _import_the_next_one()
