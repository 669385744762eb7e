from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from clusterkit.errors import UsageError
from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Storage
from clusterkit.model.run_options import RunOptions
from clusterkit.use_cases.script import Script, check_syntax, find_script
from tests.unit.pair import pair


def found(path: Path | str, *files: Path) -> Script:
    return find_script(RunOptions(script=Path(path), files=files), pair())


def refused(path: Path | str, *files: Path) -> str:
    with pytest.raises(UsageError) as caught:
        found(path, *files)
    return str(caught.value)


def node_with(python: str) -> NodeFacts:
    return NodeFacts("node1", 2, 0, 0, "/opt/python", python)


@pytest.mark.parametrize(
    ("name", "word"), [("train.py", "train.py"), ("it's $(x)\n.py", None), ("-c", "./-c")]
)
def test_a_file_of_here_travels(tmp_path: Path, name: str, word: str | None):
    file = tmp_path / name
    file.write_text("print(1)")

    assert found(file) == Script(word or name, {name: b"print(1)"})


def test_modules_travel_beside_it(tmp_path: Path):
    script, module = tmp_path / "train.py", tmp_path / "lib" / "model.py"
    module.parent.mkdir()
    script.write_text("import model")
    module.write_bytes(b"\0 whatever")

    assert found(script, module).files == {
        "model.py": b"\0 whatever",
        "train.py": b"import model",
    }


def test_the_modules_of_an_official_example_travel_by_themselves(tmp_path: Path):
    for name, text in (
        ("tensor_parallel_rotary_embedding", "import time\nfrom rotary_embedding import x"),
        ("rotary_embedding", "if True:\n    import tensor_parallel_initialize_dist"),
        ("tensor_parallel_initialize_dist", "import rotary_embedding, mine"),
        ("llama3_model", ""),
        ("mine", ""),
    ):
        (tmp_path / f"{name}.py").write_text(text)

    official = found(tmp_path / "tensor_parallel_rotary_embedding.py")
    another = found(shutil.copy(tmp_path / "tensor_parallel_rotary_embedding.py", tmp_path / "a"))

    assert sorted(official.files) == [
        "rotary_embedding.py",
        "tensor_parallel_initialize_dist.py",
        "tensor_parallel_rotary_embedding.py",
    ]
    assert sorted(another.files) == ["a"]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/shared/a/../train.py", "/shared/train.py"),
        ("/nowhere/here/train.py", "/nowhere/here/train.py"),
    ],
)
def test_a_path_on_the_storage_or_not_of_here_is_of_the_nodes(given: str, path: str):
    assert found(given) == Script(path, is_there=True)


def test_on_the_storage_it_is_that_of_the_nodes_though_there_is_one_here(tmp_path: Path):
    file = tmp_path / "train.py"
    file.write_text("1")
    cluster = pair(storage=Storage("volume", str(tmp_path)))

    assert find_script(RunOptions(script=file), cluster) == Script(str(file), is_there=True)


EXEC = "Fix: `run` starts Python scripts; use `clusterkit exec` for others"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x7fELF\0\0", f"train.py: it is a binary file. {EXEC}"),
        (
            b"#!/bin/bash\n",
            f"train.py: its first line asks for another program: #!/bin/bash. {EXEC}",
        ),
        (b" \n", f"train.py: it is empty. {EXEC}"),
    ],
)
def test_what_is_no_python_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
):
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_bytes(content)

    assert refused("train.py") == message


def test_all_that_cannot_be_read_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()

    assert refused("train.py", Path("a.py"), Path("folder")).splitlines() == [
        "train.py: there is no such file here. Fix: give the path of a file, or one on the nodes",
        "a.py: there is no such file here. Fix: check the path",
        "folder: it is a folder. Fix: name each of its files",
    ]


def test_what_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()

    assert [refused("train.py"), refused("folder")] == [
        "train.py: there is no such file here. Fix: give the path of a file, or one on the nodes",
        "folder: it is a folder. Fix: give a Python file; others go with it by `--file`",
    ]


def test_two_files_of_one_name_cannot_travel(tmp_path: Path):
    paths = [tmp_path / folder / "a.py" for folder in ("one", "two")]
    for number, path in enumerate(paths):
        path.parent.mkdir()
        path.write_text(str(number))
    script = tmp_path / "train.py"
    script.write_text("1")

    rename = "They travel into one folder. Fix: rename one of them"
    assert [refused(script, *paths), refused(paths[0], paths[1])] == [
        f"two files are called a.py. {rename}",
        f"the script and another file are called a.py. {rename}",
    ]


def test_what_is_too_large_belongs_on_the_storage(tmp_path: Path):
    script, weights = tmp_path / "train.py", tmp_path / "weights"
    script.write_text("1")
    weights.touch()
    os.truncate(weights, 17 << 20)

    assert refused(script, weights) == (
        "17 MiB would travel with the job, and at most 16 may. Fix: copy them with "
        "`clusterkit cp FILE @all:/shared/`, and give that path"
    )


def test_the_first_line_that_is_no_python_is_told_unless_the_nodes_may_know_better():
    script = Script("a.py", {"a.py": b"x = 1\nprint 'x'\n", "data.txt": b"no python"})

    with pytest.raises(UsageError) as caught:
        check_syntax(script, [node_with("3.8.1"), node_with("")])
    check_syntax(script, [node_with("3.8.1"), node_with("3.99")])

    assert str(caught.value) == (
        "a.py:2: no valid Python: Missing parentheses in call to 'print'. Did you mean "
        "print(...). Fix: correct it"
    )
