"""The official examples by name, and one of them as a job would start it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

DATA_PARALLEL = ("data_parallel_gpt2.py", "data_parallel_stable_diffusion.py")
SEVERAL_NODES = "tensor_parallel_simple_example_mn.py"
NAMES = (
    *DATA_PARALLEL,
    "tensor_parallel_simple_example.py",
    "tensor_parallel_llama3.py",
    "tensor_parallel_rotary_embedding.py",
    SEVERAL_NODES,
    "test_multinode_nccl.py",
    "test_multinode_export_save_load.py",
)
"""The scripts of examples/distributed_inference of pytorch/TensorRT, of any version."""

MODULES = ("tensor_parallel_initialize_dist", "llama3_model", "rotary_embedding")
"""What lies beside them there, and some of them import."""


@dataclass(frozen=True, slots=True)
class Example:
    """One script and the modules beside it that it imports, name -> text.

    ``travels``: it goes into the job's folder, away from its repository. ``chdir`` is where it
    runs, if that was said. ``above`` are the files of its repository that were found above it,
    on every node.
    """

    path: str
    text: str
    modules: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    travels: bool = True
    chdir: str | None = None
    above: Collection[str] = ()

    @property
    def name(self) -> str:
        """The name of the file."""
        return PurePosixPath(self.path).name


def is_official(path: str) -> bool:
    """Whether a script is called as one of the examples is."""
    return PurePosixPath(path).name in NAMES
