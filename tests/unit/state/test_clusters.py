from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

import pytest

from clusterkit.errors import ClusterkitError
from clusterkit.state import clusters
from clusterkit.state.clusters import Applied
from clusterkit.state.folders import cache_folder, cluster_folder, state_folder

INVENTORY = {"cluster": "pair", "nodes": {"node1": {"slots": 2}}}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CLUSTERKIT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CLUSTERKIT_CACHE", raising=False)
    return tmp_path / "home"


def test_before_the_first_up_there_is_nothing(home):
    assert (clusters.names(), clusters.current(), clusters.recall("pair")) == ([], None, None)
    clusters.forget("pair")
    assert not home.exists()


def test_what_is_remembered_is_recalled(home, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    kept = clusters.remember("pair", Path("pair.yaml"), INVENTORY)

    assert kept == Applied(
        "pair", home / "clusters/pair", tmp_path / "pair.yaml", INVENTORY, kept.applied_at
    )
    assert datetime.fromisoformat(kept.applied_at).utcoffset() is not None
    assert clusters.recall("pair") == kept
    assert clusters.names() == ["pair"]
    assert clusters.current() == "pair"
    assert f"{(home / 'clusters/pair').stat().st_mode & 0o777:o}" == "700"


def test_the_last_up_is_current_until_it_is_forgotten(home):
    clusters.remember("b", Path("b.yaml"), INVENTORY)
    clusters.remember("a", Path("a.yaml"), INVENTORY)
    assert (clusters.names(), clusters.current()) == (["a", "b"], "a")

    clusters.forget("a")

    assert (clusters.names(), clusters.current()) == (["b"], None)
    assert not cluster_folder("a").exists()
    assert not (home / "current").exists()


def test_forgetting_another_cluster_leaves_the_current_one():
    clusters.remember("a", Path("a.yaml"), INVENTORY)
    clusters.remember("b", Path("b.yaml"), INVENTORY)

    clusters.forget("a")

    assert clusters.current() == "b"


def test_a_damaged_word_of_the_current_cluster_is_none(home):
    clusters.remember("pair", Path("pair.yaml"), INVENTORY)
    (home / "current").write_bytes(b"\xff\x00")

    assert clusters.current() is None
    clusters.remember("pair", Path("pair.yaml"), INVENTORY)
    assert clusters.current() == "pair"


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"file": "x"})])
def test_a_record_that_cannot_be_read_says_where_it_is(home, text):
    clusters.remember("pair", Path("pair.yaml"), INVENTORY)
    file = home / "clusters/pair/applied.json"
    file.write_text(text)

    with pytest.raises(ClusterkitError) as caught:
        clusters.recall("pair")

    assert str(caught.value) == (
        f"{file} cannot be read: this version did not write it. "
        "Fix: run `clusterkit up INVENTORY` again, which writes it anew"
    )


def test_home_holds_the_state_and_the_cache(home):
    assert state_folder() == home
    assert cache_folder() == home / "cache"
    assert cluster_folder("pair") == home / "clusters/pair"


def test_the_cache_may_be_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("CLUSTERKIT_CACHE", os.path.relpath(tmp_path / "models"))

    assert cache_folder() == Path.cwd() / os.path.relpath(tmp_path / "models")
    assert cache_folder().is_absolute()


def test_without_them_the_usual_places_are_used(monkeypatch, tmp_path):
    monkeypatch.delenv("CLUSTERKIT_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    assert state_folder() == tmp_path / "state/clusterkit"
    assert cache_folder() == tmp_path / "cache/clusterkit"
