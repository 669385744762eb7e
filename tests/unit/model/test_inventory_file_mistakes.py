"""Files that are no inventory, and the lines to which messages point."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.errors import FileMistakes
from clusterkit.model.load import load_inventory
from tests.unit.model.mistaken import LOCAL, changed, mistakes

pytestmark = pytest.mark.usefixtures("in_folder")

# what is put in place of what, and the message
CASES = {
    "not YAML": (
        ("engine: {pp: 2}", "engine: {pp: 2"),
        "pair.yaml:8: not YAML: expected ',' or '}', but got '<stream end>'. "
        "Fix: check quotes, brackets and indentation on this line and the one before",
    ),
    "a tab": (
        ("  node[1-2]", "\tnode[1-2]"),
        "pair.yaml:4: not YAML: found character '\\t' that cannot start any token. "
        "Fix: check quotes, brackets and indentation on this line and the one before",
    ),
}


@pytest.mark.parametrize(("change", "expected"), CASES.values(), ids=CASES)
def test_text_that_is_not_yaml(change: tuple[str, str], expected: str):
    assert mistakes(changed(*change)) == expected


START = "write the keys `cluster`, `provider` and `nodes`; `clusterkit init` makes a first one"
LOOK = "check quotes, brackets and indentation on this line and the one before"

FILES = {
    "empty": (b"", f"pair.yaml:1: the file is empty. Fix: {START}"),
    "comments only": (b"# later\n", f"pair.yaml:1: the file is empty. Fix: {START}"),
    "a list": (b"- cluster: x\n", f"pair.yaml:1: must be a mapping, not a list. Fix: {START}"),
    "a text": (b"cluster\n", f"pair.yaml:1: must be a mapping, not `cluster`. Fix: {START}"),
    "another encoding": (
        b"cluster: pair\n# caf\xe9\n",
        "pair.yaml:2: is not UTF-8 text. Fix: save the file as UTF-8",
    ),
    "a control character": (
        b"cluster: pair\nprovider: \x01\n",
        f"pair.yaml:2: not YAML: a character that YAML does not allow. Fix: {LOOK}",
    ),
    "an alias to itself": (
        b"a: &a [*a]\n",
        f"pair.yaml:1: not YAML: its aliases repeat without end. Fix: {LOOK}",
    ),
    "two documents": (
        b"---\ncluster: a\n---\ncluster: b\n",
        f"pair.yaml:3: not YAML: but found another document. Fix: {LOOK}",
    ),
    "a Python object": (
        b"cluster: !!python/object/apply:os.getcwd []\n",
        "pair.yaml:1: cluster: must be text, not a list. Fix: write for example `cluster: pair`\n"
        "pair.yaml:1: provider: missing. Fix: add `provider: docker`\n"
        'pair.yaml:1: nodes: missing. Fix: add `nodes: {"node[1-2]": {"slots": 2}}`',
    ),
}


@pytest.mark.parametrize(("content", "expected"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_inventory_at_all(content: bytes, expected: str):
    assert mistakes(content) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("missing.yaml", "missing.yaml: no such file. Fix: check the path"),
        (".", ".: is a folder. Fix: name the file in it"),
        (
            "a-file/pair.yaml",
            "a-file/pair.yaml: cannot be read (not a directory). "
            "Fix: check the path and its permissions",
        ),
    ],
)
def test_a_path_that_cannot_be_read(path: str, expected: str):
    Path("a-file").touch()
    with pytest.raises(FileMistakes) as caught:
        load_inventory(Path(path))
    assert str(caught.value) == expected


def test_a_place_in_a_block_has_its_own_line():
    text = LOCAL + "engine:\n  name: transformers\n\n  # split\n  pp: x\n"
    assert mistakes(text) == (
        "pair.yaml:9: engine.pp: must be a whole number, not `x`. Fix: write for example `pp: 2`"
    )


def test_a_setting_that_is_merged_in_points_to_the_node():
    text = LOCAL.replace("localhost: {slots: 2}", "localhost:\n    <<: {slots: 0}")
    assert mistakes(text) == (
        "pair.yaml:4: nodes.localhost.slots: must be at least 1, not `0`. "
        "Fix: write for example `slots: 2`"
    )
