"""Requests that say nothing about sampling get what the model's makers wish."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.payloads.server.sampling import sampling_of
from clusterkit.payloads.server.settings import Settings
from tests.unit.payloads.server.stand_in import running


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('{"temperature": 0.6, "top_p": 0.9, "top_k": 20}', {"temperature": 0.6, "top_p": 0.9}),
        ('{"temperature": 0, "top_p": 1}', {"temperature": 0.0, "top_p": 1.0}),
        ('{"eos_token_id": 2, "temperature": null}', {}),
        ('{"temperature": true, "top_p": "0.9"}', {}),
        ('{"temperature": -1, "top_p": 1.5}', {}),
        ('{"temperature": NaN, "top_p": Infinity}', {}),
        ("[]", {}),
        ("{", {}),
        (None, {}),
    ],
)
def test_what_a_model_wishes(tmp_path: Path, said: str | None, expected: dict[str, float]) -> None:
    if said is not None:
        (tmp_path / "generation_config.json").write_text(said)

    assert sampling_of(str(tmp_path)) == expected


def test_settings_have_it_from_the_model(tmp_path: Path) -> None:
    (tmp_path / "generation_config.json").write_text('{"temperature": 0.6}')

    settings = Settings.of({"name": "tiny", "model": str(tmp_path)})

    assert settings == Settings("tiny", temperature=0.6, top_p=1.0)


def test_a_request_has_the_last_word() -> None:
    with running(temperature=0.6, top_p=0.9) as server:
        for more in ({}, {"temperature": 1.5}, {"top_p": 1}, {"temperature": 0}, {"top_p": 0}):
            assert server.ask(**more).status_code == 200
        drawn = [(work.temperature, work.top_p) for work in server.ranks.works]

    assert drawn == [(0.6, 0.9), (1.5, 0.9), (0.6, 1.0), (0.0, 0.9), (0.0, 1.0)]


def test_a_model_that_wishes_greedy_tokens() -> None:
    with running(temperature=0.0, top_p=0.0) as server:
        assert server.ask().status_code == 200
        (work,) = server.ranks.works

    assert (work.temperature, work.top_p) == (0.0, 1.0)
