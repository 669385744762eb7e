"""The YAML in the documentation is what the program takes."""

from __future__ import annotations

import re
from pathlib import Path

from clusterkit.model.load import load_inventory, load_playbook
from clusterkit.model.schemas import inventory_schema

DOCS = Path(__file__).parents[3] / "docs"


def yaml_of(page: str) -> str:
    (block,) = re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    return block


def test_the_example_inventory(tmp_path: Path):
    (tmp_path / "pair.yaml").write_text(yaml_of("inventory.md"))
    assert load_inventory(tmp_path / "pair.yaml").cluster == "pair"


def test_the_example_playbook(tmp_path: Path):
    (tmp_path / "recipe.yaml").write_text(yaml_of("playbooks.md"))
    verbs = [step.verb for step in load_playbook(tmp_path / "recipe.yaml").steps]
    assert verbs == ["up", "mpi-hello", "infer", "down"]


def test_every_key_of_an_inventory_has_its_row():
    page = (DOCS / "inventory.md").read_text()
    schema = inventory_schema()
    keys = {key for part in (schema, *schema["$defs"].values()) for key in part["properties"]}
    assert not {key for key in keys if f"`{key}`" not in page}
