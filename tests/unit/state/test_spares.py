from __future__ import annotations

import pytest

from clusterkit.model.spares import Changes, StandIn
from clusterkit.state.spares import changes_file, load_changes, save_changes

CHANGES = Changes((StandIn("node2", "node4", "it's gone"),), {"node5": "no Python"})


def test_who_has_whose_place_is_kept(tmp_path):
    save_changes(tmp_path, CHANGES)

    assert load_changes(tmp_path) == CHANGES


def test_where_every_node_has_its_own_place_there_is_no_file(tmp_path):
    save_changes(tmp_path, CHANGES)
    save_changes(tmp_path, Changes())

    assert not changes_file(tmp_path).exists()
    assert load_changes(tmp_path) == Changes()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"stand_ins": [{"node": 1}], "left_out": {}}'])
def test_a_damaged_file_is_none(tmp_path, text):
    changes_file(tmp_path).write_text(text)

    assert load_changes(tmp_path) == Changes()
