"""Stands in for tensorrt_llm 0.9.0: see README.md beside this folder. No line is the vendor's."""

from __future__ import annotations

from tensorrt_llm import runtime as runtime
from tensorrt_llm._utils import mpi_rank as mpi_rank
from tensorrt_llm._utils import mpi_world_size as mpi_world_size
from tensorrt_llm.mapping import Mapping as Mapping
from tensorrt_llm.version import __version__ as __version__
