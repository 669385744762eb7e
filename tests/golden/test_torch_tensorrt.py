"""What every rank is told for the shipped GPU inventory: each version, in the words it has.

After a change that is meant, write the files anew and read the difference:
``CLUSTERKIT_WRITE_GOLDEN=1 python -m pytest tests/golden``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusterkit.command import Put
from clusterkit.engines.request import GenerateRequest
from clusterkit.errors import DoesNotFit
from clusterkit.model.infer_options import InferOptions
from clusterkit.use_cases.infer import infer_steps
from clusterkit.use_cases.session import Which, find
from tests.golden.golden import on_file

HERE = Path(__file__).parent
SHIPPED = HERE.parent.parent / "inventories/torch-tensorrt-two-machines.yaml"
REQUEST = GenerateRequest(("it's $(x)", "two"), seed=7)
SPLIT, REPLICAS = "tp: 2", "dp: 2"
CASES = {
    f"{split[:2]}-{version}": (version, split)
    for split, versions in {
        REPLICAS: ("2.4.0", "2.6.0", "2.7.0", "2.10.0", "2.13.0"),
        SPLIT: ("2.7.0", "2.10.0", "2.13.0"),
    }.items()
    for version in versions
}


def told(tmp_path: Path, version: str, *settings: str) -> str:
    """The file that every rank reads, when ``settings`` stand in place of ``tp: 2``."""
    inventory = tmp_path / "inventory.yaml"
    text = SHIPPED.read_text().replace("2.13.0", version)
    assert text.count("\n  tp: 2") == 1
    inventory.write_text(text.replace("\n  tp: 2", "".join(f"\n  {each}" for each in settings)))
    steps = infer_steps(find(Which(inventory=inventory)), InferOptions(prompt=("hi",)), REQUEST)
    files = {
        step.action.content
        for step in steps
        if isinstance(step.action, Put) and step.action.path.endswith("/input.json")
    }
    (content,) = files
    return json.dumps(json.loads(content), indent=2) + "\n"


@pytest.mark.parametrize("case", CASES)
def test_every_rank_is_told_this(case: str, tmp_path: Path) -> None:
    found = told(tmp_path, *CASES[case])

    assert found == on_file(HERE / "torch_tensorrt" / f"{case}.json", found)


@pytest.mark.parametrize("version", ["2.4.0", "2.6.0"])
def test_versions_that_cannot_split(version: str, tmp_path: Path) -> None:
    with pytest.raises(DoesNotFit) as refused:
        told(tmp_path, version, SPLIT)

    assert str(refused.value) == (
        f"tp=2: torch_tensorrt {version} cannot compile a model that is split; 2.7.0 can. "
        "Fix: tp 1 with dp, a newer one, or `backend: inductor`, which needs no TensorRT"
    )
