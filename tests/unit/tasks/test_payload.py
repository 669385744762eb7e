from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import clusterkit.payloads
from clusterkit.command import Command
from clusterkit.tasks.base import Change
from clusterkit.tasks.payload import Payload, archive, payload_folder
from tests.unit.tasks.shell import apply, look, names, run

SOURCES = Path(clusterkit.payloads.__file__).parent


def in_archive() -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive())) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def test_the_archive_holds_every_payload_and_nothing_else():
    sources = {
        str(path.relative_to(SOURCES)): path.read_bytes()
        for path in SOURCES.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert in_archive() == sources


def test_the_same_files_make_the_same_bytes():
    first = archive()
    archive.cache_clear()

    assert archive() == first
    assert first[4:8] == bytes(4), "gzip's time"


def test_the_folder_has_the_digest_of_what_is_in_it():
    found = hashlib.sha256()
    for name, content in in_archive().items():
        found.update(f"{name} {len(content)}\n".encode() + content)
    digest = found.hexdigest()[:12]

    assert payload_folder("/home/x") == f"/home/x/payload-{digest}"


def test_a_node_without_it_gets_it_once(tmp_path):
    home = str(tmp_path / "a home")
    task = Payload("node1", home)

    missing = look(task)
    apply(missing)

    folder = Path(payload_folder(home))
    assert [step.summary for step in missing.steps] == [f"unpack {folder}"]
    assert look(task) == Change("payloads are this version's")
    assert {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    } == in_archive()
    assert names(Path(home)) == [folder.name]
    assert oct(folder.stat().st_mode & 0o777) == "0o755"


def test_what_was_unpacked_runs(tmp_path):
    task = Payload("node1", str(tmp_path))
    apply(look(task))

    seen = run(Command((sys.executable, "-I", "-S", payload_folder(str(tmp_path)), "facts")))

    assert (seen.exit_code, seen.stderr) == (0, "")
    assert seen.stdout.startswith('{"hostname": ')


def test_two_may_unpack_it_at_once(tmp_path):
    task = Payload("node1", str(tmp_path))
    together = Barrier(4, timeout=10)

    def unpack(_):
        together.wait()
        apply(task.plan(None))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(unpack, range(4)))

    folder = Path(payload_folder(str(tmp_path)))
    assert names(tmp_path) == [folder.name]
    assert {path.name for path in folder.iterdir()} == {
        name.partition("/")[0] for name in in_archive()
    }


def test_those_of_other_versions_go_unless_they_are_young_or_run(tmp_path):
    """Young is: from today. What else lies there is not ours."""
    home = tmp_path / "a home"
    young, running, unused = (home / f"payload-{word}" for word in ("young", "running", "unused"))
    for folder in (young, running, unused, home / "jobs"):
        folder.mkdir(parents=True)
        (folder / "__main__.py").write_text("input()")
    two_days_ago = time.time() - 48 * 3600
    for folder in (running, unused, home / "jobs"):
        os.utime(folder, (two_days_ago, two_days_ago))
    process = subprocess.Popen([sys.executable, running], stdin=subprocess.PIPE)
    try:
        apply(look(Payload("node1", str(home))))
    finally:
        process.kill()
        process.communicate()

    now = Path(payload_folder(str(home)))
    assert names(home) == sorted(["jobs", young.name, running.name, now.name])


def test_an_archive_that_arrives_damaged_leaves_nothing(tmp_path):
    (step,) = Payload("node1", str(tmp_path)).plan(None).steps
    assert isinstance(step.action, Command)
    cut = Command(step.action.argv, stdin=archive()[:1000])

    assert run(cut).exit_code != 0
    assert names(tmp_path) == []
