"""Whatever a file holds, the loaders give a value or mistakes with a fix: never a traceback."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clusterkit.errors import FileMistakes, UsageError
from clusterkit.model.load import load_inventory, load_playbook
from clusterkit.model.node_sets import NotANodeSet, choose, expand, expand_numbers

REPOSITORY = Path(__file__).parents[3]
SHIPPED = {
    load_inventory: sorted((REPOSITORY / "inventories").glob("*.yaml")),
    load_playbook: sorted((REPOSITORY / "playbooks").glob("*.yaml")),
}
LOADERS = pytest.mark.parametrize("load", list(SHIPPED), ids=lambda load: load.__name__)
YAML = st.text(st.sampled_from("abn1:-{}[]&*!|>'\"%@`#?, \t\n\\/=\0é\x85\ufeff"), max_size=60)
SNIPPETS = st.sampled_from(
    [
        "&a [*a]", "<<: *x", "!!python/object:os.system x", "!!binary =", "? {a: b}", "---", "...",
        "%YAML 9.9", "1e999", ".nan", "0x_", "~", "2026-11-20T25:00:00", "node[1-", "\t", "- - -",
        "{" * 40, "'", '"\\x"', "cluster:", "nodes: {node[1-99999999]: }", "!!set {a, b}", "é: ü",
    ]
)  # fmt: skip
_WORDS = "infer up exec cp down run lab play x prompt file nodes argv words"
_KEYS = st.sampled_from(_WORDS.split())
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=10,
)


def loaded(load: Callable[[Path], object], content: bytes, folder: Path) -> None:
    """Load it; mistakes each have a fix."""
    file = folder / "any.yaml"
    file.write_bytes(content)
    refused: list[str] | None = None
    try:
        load(file)
    except FileMistakes as error:
        refused = error.problems
    assert refused != []
    for problem in refused or ():
        assert problem.startswith(f"{file}:"), problem
        assert ". Fix: " in problem, problem


@LOADERS
@settings(max_examples=150)
@given(content=st.binary(max_size=60) | YAML.map(str.encode))
def test_any_bytes(load, content, tmp_path):
    loaded(load, content, tmp_path)


@LOADERS
@settings(max_examples=60)
@given(data=st.data())
def test_shipped_files_with_a_part_cut_out_or_put_in(load, data, tmp_path):
    text = data.draw(st.sampled_from(SHIPPED[load])).read_text()
    first, last = sorted(data.draw(st.tuples(*2 * [st.integers(0, len(text))])))
    last = min(last, first + 40)
    loaded(load, (text[:first] + data.draw(SNIPPETS | YAML) + text[last:]).encode(), tmp_path)


@settings(max_examples=100)
@given(st.lists(st.dictionaries(_KEYS, _VALUES, max_size=2) | _VALUES, max_size=4))
def test_a_playbook_of_any_values(tmp_path, steps: list[Any]):
    loaded(load_playbook, json.dumps(steps).encode(), tmp_path)


NODE_WORDS = st.text(st.sampled_from("no1de[]-/,!&^@*? 0239gpu\n\té"), max_size=16)


@given(NODE_WORDS | st.text(max_size=8))
@example(",")
@example("node[1-3]!@all")
def test_any_words_for_nodes_mean_some_of_them_or_are_refused(words):
    names = ["node1", "node2", "node3", "gpu08"]
    chosen: tuple[str, ...] = ("node1",)
    refused = ". Fix: "
    try:
        chosen = choose(words, names, {"gpus": ("gpu08",)})
    except UsageError as error:
        refused = str(error)
    assert ". Fix: " in refused
    assert chosen
    assert [name for name in names if name in chosen] == list(chosen)
    for read in (expand, expand_numbers):
        with contextlib.suppress(NotANodeSet):
            assert read(words)
