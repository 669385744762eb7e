"""``build`` and ``models``."""

from __future__ import annotations

from rich.text import Text

from clusterkit.quantities import duration, size
from clusterkit.report.folding import fold
from clusterkit.report.tables import FAINT, GOOD, NOTHING, Blocks, cell, table
from clusterkit.results.models import BuildResult, ModelsResult


def build_text(build: BuildResult, *, wide: bool = False) -> Blocks:
    """Where the model lies, and whether it was there already; ``wide`` adds what it is."""
    how = f"built in {duration(build.took_s)}" if build.changed else "was there already, whole"
    if build.copied_to:
        how += f", copied to {fold(build.copied_to)}"
    line = Text.assemble(
        (f"Model {build.model} is ready", GOOD),
        f" in {build.folder} ({size(build.size_bytes)}): {how}.",
    )
    if not wide:
        return [line]
    shape = build.shape.model_dump(exclude_none=True) if build.shape else {}
    rows = table("WHAT", "VALUE")
    rows.add_row("sha256", build.digest)
    for name, value in shape.items():
        rows.add_row(name.replace("_", " "), str(value))
    return [line, "", rows]


def models_text(models: ModelsResult, *, wide: bool = False) -> Blocks:
    """One row a model; ``wide`` adds where it lies in the cache."""
    if not models.models:
        return ["No models."]
    columns = ["MODEL", "STATE", "SIZE", "LICENCE", "SOURCE"] + (["PATH"] if wide else [])
    rows = table(*columns, right=["SIZE"], whole=["MODEL", "STATE"])
    for model in models.models:
        rows.add_row(
            model.name,
            Text(model.state, GOOD if model.state == "ready" else FAINT),
            NOTHING if model.size_bytes is None else size(model.size_bytes),
            cell(model.licence),
            model.source,
            *([cell(model.path)] if wide else []),
        )
    return [rows]
