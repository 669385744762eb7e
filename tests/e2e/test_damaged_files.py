"""Each file that is kept of a cluster is damaged in turn: verbs name it, or do without it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clusterkit.cli.main import application
from tests.e2e.controller import new_cluster_name
from tests.e2e.local_cluster import describe_local

DAMAGES = {
    "empty": b"",
    "torn": b'{"id": "1", "file": "/x',
    "garbage": b"\xff\x00\x80 garbage\n",
    "another version": b'{"format": 99, "what": {}}\n',
}
FILES = (
    *("applied.json", "contacts.json", "doctor.json", "facts.json", "former.json"),
    *("journal.jsonl", "rotation.json", "lock.json", "current", "audit.jsonl"),
)
LOOKS = (
    *(("ls",), ("status",), ("plan", "INVENTORY"), ("jobs",), ("logs",), ("stop",)),
    *(("lock",), ("audit",), ("engines",)),
)
UNREADABLE = {
    "applied.json": {"status", "jobs", "logs", "stop", "lock", "audit", "engines"},
    "facts.json": {"jobs", "logs", "stop", "engines"},
}
"""The verbs that cannot do without a file, by its name: they say which."""
NOT_CURRENT = {"status", "jobs", "logs", "stop", "lock", "engines"}


class Kept:
    """A cluster on this machine that is up, its state, and a copy of it to go back to."""

    def __init__(self, folder: Path) -> None:
        self.name, self.home, self.copy = new_cluster_name(), folder / "home", folder / "copy"
        self.inventory = describe_local(folder, self.name)

    @property
    def folder(self) -> Path:
        return self.home / "clusters" / self.name

    def __call__(self, *words: str) -> tuple[int, str]:
        named = [str(self.inventory) if word == "INVENTORY" else word for word in words]
        done = CliRunner().invoke(application(words[0]), named)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.output
        assert "Traceback" not in done.output
        assert "a fault of clusterkit" not in done.output, done.output
        assert done.exit_code == 0 or "Fix: " in done.output, done.output
        return done.exit_code, done.output

    def damage(self, name: str, content: bytes) -> Path:
        """The state as it was, with one file damaged."""
        shutil.rmtree(self.home)
        shutil.copytree(self.copy, self.home)
        place = {
            "current": self.home / "current",
            "audit.jsonl": self.home / "audit" / f"{self.name}.jsonl",
        }.get(name, self.folder / name)
        place.write_bytes(content)
        return place


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        made = Kept(tmp_path_factory.mktemp("damaged"))
        patch.setenv("CLUSTERKIT_HOME", str(made.home))
        patch.delenv("CLUSTERKIT_CLUSTER", raising=False)
        patch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
        assert made("up", "INVENTORY", "--yes")[0] == 0
        shutil.copytree(made.home, made.copy)
        yield made


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_verbs_that_look_name_the_file_or_do_without_it(kept: Kept, name: str, damage: str):
    file = kept.damage(name, DAMAGES[damage])
    answers = {words[0]: kept(*words) for words in LOOKS}

    named = {verb for verb, (code, said) in answers.items() if code and str(file) in said}
    assert named == UNREADABLE.get(name, set())
    lost = {verb for verb, (_, said) in answers.items() if "no cluster is current" in said}
    assert lost == (NOT_CURRENT if name == "current" else set())


@pytest.mark.parametrize("name", FILES)
def test_verbs_that_change_write_it_anew_or_say_how(kept: Kept, name: str):
    file = kept.damage(name, DAMAGES["garbage"])
    code, said = kept("up", "INVENTORY", "--yes")
    if name == "lock.json":
        assert (code, f"{file} cannot be read" in said.replace("\n", " ")) == (5, True)
        assert kept("lock", "release", "--force", "--yes")[0] == 0
        code, said = kept("up", "INVENTORY", "--yes")

    assert (code, said.startswith("No changes.")) == (0, True), said
    assert kept("up", "--resume", "--yes")[0] == 0
    assert kept("down", "--yes")[0] == 0
    assert not kept.folder.exists()


@pytest.mark.parametrize("name", ["applied.json", "journal.jsonl"])
def test_up_resumes_by_whichever_of_both_can_be_read(kept: Kept, name: str):
    kept.damage(name, DAMAGES["garbage"])

    assert kept("up", "--resume", "--yes")[0] == 0
