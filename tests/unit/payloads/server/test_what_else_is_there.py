"""Readiness, the cluster, metrics, the page, and keys."""

from __future__ import annotations

import hashlib
import re

import pytest
from openai import AuthenticationError
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.payloads.server.stand_in import ABOUT, NAME, running


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def test_it_is_ready_once_a_token_came():
    with running() as server:
        assert server.get("/health").text == "alive\n"
        before = server.get("/ready")
        server.ask()
        after = server.get("/ready")

    assert before.status_code == 503
    assert before.json()["error"]["message"] == "not ready: no token has come from the ranks yet"
    assert (after.status_code, after.text) == (200, "ready\n")


def test_the_cluster_is_what_is_known_with_the_load_of_now():
    with running("yes", pp=2) as server:
        server.ask()
        seen = server.get("/cluster").json()

    assert seen.pop("uptime_s") >= 0
    assert seen.pop("tokens_per_s") >= 0
    assert seen == {
        "model": NAME,
        "tp": 1,
        "pp": 2,
        "versions": ABOUT["versions"],
        "replicas": [
            {
                "name": "0",
                "url": None,
                "ready": True,
                "running": 0,
                "queued": 0,
                "ranks": ABOUT["ranks"],
            }
        ],
        "failure": None,
        "running": 0,
        "queued": 0,
        "slots": 4,
        "tokens": 4,
        "context": 64,
    }


def test_metrics_count_what_was_done():
    with running("yes") as server:
        server.ask()
        server.ask(max_tokens=2)
        server.ask(temperature=9)
        server.get("/wp-admin/1")
        server.get("/wp-admin/2")
        text = server.get("/metrics").text

    families = [
        family
        for family in text_string_to_metric_families(text)
        if family.name.startswith("clusterkit_")
    ]
    values = {
        (sample.name.removeprefix("clusterkit_"), *sorted(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith(("_bucket", "_sum"))
    }
    assert values == {
        ("requests_total", "/v1/completions", "200"): 2,
        ("requests_total", "/v1/completions", "400"): 1,
        ("requests_total", "404", "other"): 2,
        ("prompt_tokens_total",): 4,
        ("completion_tokens_total",): 6,
        ("time_to_first_token_seconds_count",): 2,
        ("time_per_token_seconds_count",): 4,
        ("requests_running",): 0,
        ("requests_queued",): 0,
        ("ready",): 1,
        ("rank_memory_bytes", "0", "cpu", "node1"): 1000,
        ("rank_memory_bytes", "1", "cpu", "node2"): 2000,
    }
    assert [family.name for family in families if not family.documentation] == []
    edges = set(re.findall(r'time_per_token_seconds_bucket\{le="([^"]+)"\}', text))
    assert {"0.001", "60.0", "+Inf"} <= edges


def test_the_page_is_there():
    with running() as server:
        page = server.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.startswith("<!doctype html>")


def test_keys_are_asked_for_but_not_by_probes_and_the_page():
    keys = (digest("one"), digest("zwölf"))
    with running(api_keys_sha256=keys) as server:
        for path in ("/", "/health"):
            assert server.get(path).status_code == 200
        assert server.get("/ready").status_code == 503
        for path in ("/cluster", "/metrics", "/v1/models", "/v1/none", "/health/"):
            assert server.get(path).status_code == 401, path
        refused = server.ask()
        with server.client("one") as client:
            assert client.completions.create(model=NAME, prompt="a").choices[0].text == "yes"
        with server.client("two") as client, pytest.raises(AuthenticationError):
            client.models.list()
        umlaut = server.get("/v1/models", headers={"Authorization": "Bearer zwölf".encode()})
        basic = server.get("/v1/models", headers={"Authorization": "Basic one"})

    assert refused.json() == {
        "error": {
            "message": "a key of this server is needed. Fix: `Authorization: Bearer KEY`",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_api_key",
        }
    }
    assert refused.headers["www-authenticate"] == "Bearer"
    assert (umlaut.status_code, basic.status_code) == (200, 401)


def test_a_long_body_is_not_read_without_a_key():
    with running(api_keys_sha256=(digest("one"),)) as server:
        response = server.post(content=b"a" * 10_000_000)
    assert response.status_code == 401
