"""What the controller and the payloads that handle models agree on."""

from __future__ import annotations

FORMAT = 1
"""Raised when the same source would give other files; part of the key of a built model."""

MANIFEST = "manifest.json"
"""The file that ends a built model: a folder that has it is complete."""

DIFFERS = 3
"""The exit code of ``convert --check`` for a folder that is not as its manifest says."""

INPUT_VERSION = 1
"""The version of what ``generate`` reads from its ``input.json``."""

REFUSED = 2
"""The exit code of a rank that cannot answer the request, however often it is tried."""

CHUNK_BYTES = 1 << 20
"""How much of a model is copied to another node at once."""

PATIENCE_S = 60.0
"""How long a copy may stand still before its end is given up."""

GPUS_PER_NODE_BY = "CLUSTERKIT_GPUS_PER_NODE_BY"
"""The variable that says how a rank tells TensorRT-LLM the number: ``shim`` or ``config``."""
