from __future__ import annotations

import sys

import pytest
from pydantic import ValidationError

from clusterkit import registry
from clusterkit.engines.base import engine_of
from clusterkit.errors import ClusterkitError, UsageError
from clusterkit.model.engine import EngineSettings
from clusterkit.model.mistakes import explain

ALL = [(kind, name) for kind, paths in registry.BUILT_IN.items() for name in paths]


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Install a package that brings an engine, as pip would."""

    def install(name: str) -> None:
        info = tmp_path / "unit_plugin-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: unit-plugin\nVersion: 1\n")
        (info / "entry_points.txt").write_text(
            f"[clusterkit.engines]\n{name} = unit_plugin:Engine\n"
        )
        (tmp_path / "unit_plugin.py").write_text(
            "from clusterkit.engines.transformers import Transformers as Engine\n"
        )
        monkeypatch.syspath_prepend(tmp_path)

    yield install
    sys.modules.pop("unit_plugin", None)


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_what_is_built_in_can_be_imported(kind, name):
    assert registry.find(kind, name) is not None


def test_providers_make_and_take_away():
    for name in registry.BUILT_IN["providers"]:
        module = registry.find("providers", name)
        assert all(callable(getattr(module, verb)) for verb in ("up", "down", "kept"))


def test_an_unknown_name_says_which_there_are():
    with pytest.raises(UsageError) as caught:
        registry.find("providers", "slurm")

    assert str(caught.value) == "no provider named `slurm`. Fix: use one of docker, local, ssh"


def test_a_package_may_add_an_engine(plugin):
    plugin("vllm")

    assert registry.names("engines") == [
        "tensorrt-llm",
        "torch-tensorrt",
        "transformers",
        "triton",
        "vllm",
    ]
    engine = engine_of(EngineSettings(name="vllm", pp=2))
    assert engine == registry.find("engines", "vllm")(EngineSettings(name="vllm", pp=2))


def test_an_engine_that_nobody_brings_is_refused():
    with pytest.raises(ValidationError) as caught:
        EngineSettings(name="transformer")

    assert [str(mistake) for mistake in explain(caught.value, EngineSettings)] == [
        "name: must be tensorrt-llm, torch-tensorrt, transformers or triton, not `transformer`. "
        "Fix: did you mean `transformers`?"
    ]


def test_a_package_may_not_replace_what_is_built_in(plugin):
    plugin("transformers")

    assert registry.find("engines", "transformers").__module__.startswith("clusterkit.")
    with pytest.raises(ClusterkitError) as caught:
        registry.names("engines")

    assert str(caught.value) == (
        "engine `transformers` is defined by clusterkit.engines.transformers:Transformers and "
        "unit_plugin:Engine. Fix: uninstall one of them"
    )
