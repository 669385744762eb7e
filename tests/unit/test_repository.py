"""What the repository ships holds together: files load, pins cover, sources stay small."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from clusterkit.model.load import load_inventory, load_playbook

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def paths(pattern: str) -> list[str]:
    """Paths of the repository as test ids."""
    return sorted(str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob(pattern))


@pytest.mark.parametrize("path", paths("inventories/*.yaml"))
def test_inventory_loads(path: str):
    load_inventory(REPOSITORY / path)


@pytest.mark.parametrize("path", paths("playbooks/*.yaml"))
def test_playbook_loads(path: str):
    assert load_playbook(REPOSITORY / path).steps


def test_every_dependency_is_pinned_as_pyproject_allows():
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    pinned = {canonicalize_name(name): version for name, version in pins.items()}
    extras = PROJECT["optional-dependencies"].values()
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in extra)]
    wanted = [Requirement(text) for text in texts]

    refused = [
        str(requirement)
        for requirement in wanted
        if not requirement.specifier.contains(pinned.get(canonicalize_name(requirement.name), "0"))
        or canonicalize_name(requirement.name) not in pinned
    ]

    assert refused == []


def test_pins_serve_every_machine():
    text = (REPOSITORY / "constraints.txt").read_text()
    assert re.findall(r"^(?!#).*(?:\+|://|--).*$", text, re.MULTILINE) == []


def test_sources_are_short_enough_to_read():
    sources = [*paths("clusterkit/**/*.py"), *paths("tests/**/*.py"), *paths("images/*.py")]
    lengths = {path: len((REPOSITORY / path).read_text().splitlines()) for path in sources}
    assert {path: length for path, length in lengths.items() if length > 300} == {}


def test_make_offers_what_the_readme_needs_in_forty_lines():
    makefile = (REPOSITORY / "Makefile").read_text()
    assert len(makefile.splitlines()) <= 40

    offered = subprocess.run(
        ["make", "--no-print-directory"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    shown = [name for line in offered.splitlines() for name in line[:28].split()]
    assert sorted(shown) == sorted(phony[1].split())


def test_ci_run_can_be_executed_and_parsed():
    script = REPOSITORY / ".ci/run"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], check=True)
