"""JSON Schemas of the files that a user writes, for editors."""

from __future__ import annotations

from typing import Any

from clusterkit.model.inventory import Inventory
from clusterkit.model.options import PLAYBOOK_VERBS
from clusterkit.model.playbook_inputs import INPUTS, NAME, PlaybookInput

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def inventory_schema() -> dict[str, Any]:
    """The schema of an inventory."""
    schema = Inventory.model_json_schema()
    return {"$schema": _DIALECT, **schema, "title": "clusterkit inventory"}


def playbook_schema() -> dict[str, Any]:
    """The schema of a playbook; options may be spelled with dashes or underscores."""
    verbs = {verb: _options(model.model_json_schema()) for verb, model in PLAYBOOK_VERBS.items()}
    item = {
        "type": "object",
        "properties": verbs,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    declared = {
        "type": "object",
        "description": "What the playbook asks for; `${name}` in its strings is the value",
        "propertyNames": {"pattern": NAME},
        "additionalProperties": PlaybookInput.model_json_schema(),
        "minProperties": 1,
    }
    inputs = {
        "type": "object",
        "properties": {INPUTS: declared},
        "additionalProperties": False,
        "required": [INPUTS],
    }
    return {
        "$schema": _DIALECT,
        "title": "clusterkit playbook",
        "description": "What it asks for, then verbs and their options, one after another",
        "type": "array",
        "minItems": 1,
        "prefixItems": [{"anyOf": [inputs, item]}],
        "items": item,
    }


def _options(schema: dict[str, Any]) -> dict[str, Any]:
    """A verb's options, with each name spelled both ways; a verb without options is null."""
    known = schema["properties"]
    dashed = {name.replace("_", "-"): part for name, part in known.items()}
    needed = schema.get("required", [])
    options = {**schema, "properties": {**known, **dashed}}
    return options if needed else {**options, "type": ["object", "null"]}
