"""What machines told is kept from one verb to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.model.contact import Contact
from clusterkit.model.machine import Login
from clusterkit.state.contacts import load_contacts, pins_file, save_contacts

CONTACTS = {
    "gpu01": Contact("/home/ubuntu", 1000, Login("ubuntu", 22, ("a b", "c d")), ("10.0.0.1",)),
    "gpu02": Contact("/home/ada", 1001, Login("ada", 2022, ()), (), has_rdma=True),
}


def test_they_come_back_as_they_were(tmp_path: Path):
    save_contacts(tmp_path, CONTACTS)

    assert load_contacts(tmp_path) == CONTACTS


def test_the_last_ones_count(tmp_path: Path):
    save_contacts(tmp_path, CONTACTS)
    save_contacts(tmp_path, {"gpu02": CONTACTS["gpu02"]})

    assert load_contacts(tmp_path) == {"gpu02": CONTACTS["gpu02"]}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"a": {}}', '{"a": {"login": 1}}', '"a"']
)
def test_what_cannot_be_read_is_as_if_it_were_not_there(tmp_path: Path, text: str):
    (tmp_path / "contacts.json").write_text(text)

    assert load_contacts(tmp_path) == {}


def test_before_the_first_contact_there_is_nothing(tmp_path: Path):
    assert load_contacts(tmp_path) == {}
    assert pins_file(tmp_path) == tmp_path / "pinned_hosts"
