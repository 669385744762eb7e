from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterkit.model.options import PLAYBOOK_VERBS
from clusterkit.model.schemas import inventory_schema, playbook_schema

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("inventories/inventory.schema.json", inventory_schema()),
        ("playbooks/playbook.schema.json", playbook_schema()),
    ],
)
def test_the_shipped_schema_is_that_of_the_models(path: str, schema: dict[str, Any]):
    """Write it anew with `clusterkit schema inventory` or `clusterkit schema playbook`."""
    assert json.loads((REPOSITORY / path).read_text()) == schema


@pytest.mark.parametrize("path", ["inventories", "playbooks"])
def test_every_shipped_file_names_its_schema(path: str):
    (schema,) = (REPOSITORY / path).glob("*.schema.json")
    files = list((REPOSITORY / path).glob("*.yaml"))
    assert files
    for file in files:
        first = file.read_text().splitlines()[0]
        assert first == f"# yaml-language-server: $schema={schema.name}"


def test_every_key_of_an_inventory_is_described():
    undescribed = [key for key, part in keys(inventory_schema()) if not part.get("description")]
    assert undescribed == []


def test_a_playbook_has_every_verb_with_options_spelled_both_ways():
    verbs = playbook_schema()["items"]["properties"]
    assert list(verbs) == list(PLAYBOOK_VERBS)
    infer = verbs["infer"]["properties"]
    assert infer["max-tokens"] == infer["max_tokens"]
    assert verbs["down"]["type"] == ["object", "null"]
    assert verbs["plan"]["required"] == ["file"]


def keys(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in (schema, *schema.get("$defs", {}).values()):
        yield from part.get("properties", {}).items()
