"""What verbs answer, typed; ``clusterkit schema NAME`` prints each as JSON Schema."""

from __future__ import annotations
