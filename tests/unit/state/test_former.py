from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.model.contact import Contact
from clusterkit.model.former import Former
from clusterkit.model.machine import Login, Machine
from clusterkit.state.former import former_file, load_former, save_former

ROWS = (
    Former(
        "gpu03",
        Machine("gpu03.example.net", user="ada", port=2022, jump="gate", connect_timeout_s=2.5),
        home="/home/ada/.clusterkit/lab/gpu03",
        storage="/scratch/clusterkit",
        mounted="/mnt/models",
        marked_in="/home/ada/.clusterkit/lab/gpu03",
        contact=Contact("/home/ada", 1001, Login("ada", 2022, ("ssh-ed25519 A",)), ("10.0.0.3",)),
    ),
    Former("gpu04", Machine("gpu04"), is_carried=True),
)


def test_what_was_not_cleaned_is_remembered_until_it_is(tmp_path: Path):
    save_former(tmp_path, ROWS)
    assert load_former(tmp_path) == ROWS
    save_former(tmp_path, ())
    assert (load_former(tmp_path), list(tmp_path.iterdir())) == ((), [])


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"node": "x"}]', '[{"contact": null}]'])
def test_what_this_version_cannot_read_is_none(tmp_path: Path, text: str):
    former_file(tmp_path).write_text(text)

    assert load_former(tmp_path) == ()
