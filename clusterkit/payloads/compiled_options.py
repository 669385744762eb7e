"""torch.compile's options, where JSON has no word for what they are."""

from __future__ import annotations

from typing import Any


def compile_options(given: dict[str, Any]) -> dict[str, Any] | None:
    """The options as torch.compile takes them; None: there are none."""
    import torch

    options = dict(given)
    if "enabled_precisions" in options:
        options["enabled_precisions"] = {
            getattr(torch, name) for name in options["enabled_precisions"]
        }
    # What comes in has one shape for good. To make guards that watch over it took nearly as long
    # as to trace a split model.
    unguarded = getattr(torch.compiler, "skip_all_guards_unsafe", None)
    if unguarded is not None:
        options["guard_filter_fn"] = unguarded
    return options or None
