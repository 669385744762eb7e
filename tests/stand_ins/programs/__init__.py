"""Stand-ins of TensorRT-LLM's programs, for nodes without GPUs and without NVIDIA's packages.

Nothing here is NVIDIA's code, and nothing here computes with a model. Each program is written from
what the vendor's sources and documents say of it: the flags of its version, which it parses as
strictly, the files that it reads and writes, what it refuses, and what it prints. A stand-in
"engine" is a few lines of JSON; the answer to a prompt is a sentence that needs all ranks.

``install.py`` lays the programs of one version into a file system, at the paths at which the
vendor's images have them.
"""

from __future__ import annotations
