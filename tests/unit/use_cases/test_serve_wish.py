"""What `serve` is asked: limits for a server of ours, and what others' servers refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clusterkit.engines.serving import ServeLimits
from clusterkit.engines.transformers import Transformers
from clusterkit.errors import UsageError
from clusterkit.model.engine import EngineSettings
from clusterkit.model.serve_options import ServeOptions
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.model.torch_tensorrt import TorchTensorRtSettings
from clusterkit.use_cases.serve import listening
from clusterkit.use_cases.serve_wish import grace_s, open_to_all, serving, with_wish
from clusterkit.use_cases.served import Reached, Served, from_here, seen_at
from clusterkit.use_cases.session import Session
from tests.unit.pair import pair

OURS = EngineSettings(pp=2)
VENDORS = TensorRtLlmSettings(name="tensorrt-llm", model="/m", pp=2, version="1.2.0")


def session(settings: EngineSettings = OURS, **changes: Any) -> Session:
    return Session(pair(engine=settings, **changes), Path("/state"))


def test_limits_reach_our_engine() -> None:
    options = ServeOptions(max_batch=4, request_timeout_s=5, drain_s=1, tp=2, compile="auto")
    asked = with_wish(session(), options)

    assert serving(asked, options) == Transformers(
        EngineSettings(tp=2, pp=1, compile="auto"),
        ServeLimits(max_batch=4, request_timeout_s=5, drain_s=1),
    )


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"max_batch": 4}, "`--max-batch`"),
        ({"max_queue": 0, "request_timeout_s": 9}, "`--max-queue` or `--request-timeout`"),
        ({"compile": "auto"}, "`--compile`"),
    ],
)
def test_a_vendors_server_has_no_such_options(options: dict[str, Any], what: str) -> None:
    asked = ServeOptions(**options)
    with pytest.raises(UsageError) as caught:
        serving(with_wish(session(VENDORS), asked), asked)
    assert str(caught.value) == (
        f"{what}: the server of engine tensorrt-llm is its vendor's, and has no such option "
        "here. Fix: leave it out, and see docs/serve.md for what it has; or engine transformers"
    )


def test_an_engine_that_serves_nothing() -> None:
    asked = session(TorchTensorRtSettings(name="torch-tensorrt"))
    with pytest.raises(UsageError, match="engine torch-tensorrt of cluster pair cannot serve"):
        serving(asked, ServeOptions())


@pytest.mark.parametrize(
    ("settings", "drain_s", "expected"),
    [(OURS, None, 33), (OURS, 0, 3), (VENDORS, None, 3), (VENDORS, 20, 23)],
)
def test_ranks_get_the_time_that_requests_have(
    settings: EngineSettings, drain_s: float | None, expected: float
) -> None:
    assert grace_s(session(settings), ServeOptions(drain_s=drain_s)) == expected


@pytest.mark.parametrize(
    ("options", "warns"),
    [
        ({}, False),
        ({"host": "127.0.0.1"}, False),
        ({"host": "0.0.0.0"}, True),  # noqa: S104
        ({"host": "10.0.0.1"}, True),
        ({"host": "10.0.0.1", "api_key_file": "k"}, False),
    ],
)
def test_who_opens_it_without_keys_is_warned(options: dict[str, Any], warns: bool) -> None:
    assert bool(open_to_all(ServeOptions(**options))) == warns


def served(options: ServeOptions, **changes: Any) -> Served:
    made = session(**changes)
    return Served.of(made.cluster.engine, "node1", listening(made, options))


def test_it_listens_for_its_own_node_alone() -> None:
    found = served(ServeOptions(port=9000))

    assert found == Served("node1", "127.0.0.1", None, {"http": 9000}, "/ready", "/metrics")
    assert Served.read(found.as_json()) == found
    assert from_here(session(), found) == Reached(
        "http://127.0.0.1:9000", None, "http://127.0.0.1:9000/metrics", "proxy"
    )


def test_unless_it_is_told_otherwise() -> None:
    found = served(ServeOptions(host="0.0.0.0"))  # noqa: S104

    assert (found.own, found.network) == ("127.0.0.1", "192.168.123.111")
    assert served(ServeOptions(host="::1")).network is None
    assert served(ServeOptions(host="localhost")).network is None


def test_on_this_machine_nothing_leads_there() -> None:
    here = session(provider="local", subnet=None)
    here = replace(
        here, cluster=replace(here.cluster, nodes=(replace(here.cluster.head, address=None),))
    )
    found = served(ServeOptions())
    assert from_here(here, found).via == "network"


def test_every_port_has_its_place() -> None:
    found = Served(
        "node1", "127.0.0.1", None, {"http": 1, "grpc": 2, "metrics": 3}, "/v2", "/metrics"
    )
    ports = {"http": 11, "grpc": 12, "metrics": 13}
    assert seen_at(found, "::1", "tunnel", ports) == Reached(
        "http://[::1]:11", "[::1]:12", "http://[::1]:13/metrics", "tunnel"
    )
