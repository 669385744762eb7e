"""Stands in for PyTorch where the stand-ins of tensorrt_llm need it: torch.cuda alone."""

from __future__ import annotations

from torch import cuda as cuda

__version__ = "0.0.0+stand.in"
