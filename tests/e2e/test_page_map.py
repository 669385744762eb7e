"""The page's map and figures, in a real Chromium, of clusters larger than can run here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome

from tests.e2e.browser import chromium
from tests.e2e.page import Page, page_of
from tests.stand_ins.cluster_server import ClusterServer, cluster_of, cluster_server


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with chromium() as driver:
        yield driver


@pytest.fixture
def server() -> Iterator[ClusterServer]:
    with cluster_server() as started:
        started.cluster = cluster_of(tp=2, pp=2, nodes=2)
        yield started


@pytest.fixture
def page(browser: Chrome, server: ClusterServer) -> Iterator[Page]:
    with page_of(browser, server.url) as loaded:
        loaded.shows("#map", "rank 0")
        yield loaded


def test_the_map_shows_each_rank_where_it_is(page: Page) -> None:
    assert (page.text("#state"), page.text("h1")) == ("Ready", "smollm2-135m")
    assert page.browser.title == "smollm2-135m · clusterkit"
    assert page.text("#split") == "2 pipeline stages × 2 tensor shards"  # noqa: RUF001 - as shown
    assert page.texts(".split tr") == [
        "stage 0\tstage 1",
        "shard 0\t0node1\t2node2",
        "shard 1\t1node1\t3node2",
    ]
    assert [node.splitlines() for node in page.texts(".node")] == [
        [
            *("node1", "cpu"),
            *("rank 0", "stage 0, shard 0", "answers HTTP", "410 MiB, peak 520 MiB"),
            *("rank 1", "stage 0, shard 1", "447 MiB, peak 561 MiB"),
        ],
        [
            *("node2", "cpu"),
            *("rank 2", "stage 1, shard 0", "484 MiB, peak 602 MiB"),
            *("rank 3", "stage 1, shard 1", "521 MiB, peak 643 MiB"),
        ],
    ]
    facts = ["3", "0", "16", "48,213", "2,048", "2 h 14 min"]
    assert (page.text("#rate"), page.texts(".facts dd")) == ("37.4", facts)
    assert page.text("#versions") == "clusterkit 0.1.0 · torch 2.13.0+cpu · transformers 5.20.2"


def test_gpus_are_named_once_for_a_node(page: Page, server: ClusterServer) -> None:
    cluster = cluster_of(tp=2, pp=1, nodes=1)
    for rank in cluster["replicas"][0]["ranks"]:
        rank.update(device=f"cuda:{rank['rank']}", device_name="NVIDIA H200")
        rank.update(memory_bytes=82 << 30, peak_memory_bytes=None, device_memory_bytes=140 << 30)
    server.cluster = cluster

    page.shows(".node", "NVIDIA H200")
    assert page.text(".node").splitlines() == [
        *("node1", "2 × NVIDIA H200"),  # noqa: RUF001 - as shown
        *("rank 0", "shard 0, cuda:0", "answers HTTP", "82 of 140 GiB"),
        *("rank 1", "shard 1, cuda:1", "82 of 140 GiB"),
    ]


def test_figures_follow_the_server(page: Page, server: ClusterServer) -> None:
    server.cluster = {**server.cluster, "tokens_per_s": 1234.5, "running": 16, "queued": 7}

    page.shows("#rate", "1,235")
    assert (page.text("#running"), page.text("#queued")) == ("16", "7")
    line = page.attribute("#chart .line", "d") or ""
    assert (line[0], line.count("L") >= 1) == ("M", True)
    said = page.attribute("#chart", "aria-label")
    assert said == "Tokens per second, last two minutes: now 1,235, most 1,235"


def test_a_replica_that_is_out_is_marked_in_words(page: Page, server: ClusterServer) -> None:
    cluster = cluster_of(tp=1, pp=2, nodes=2, replicas=2)
    cluster["replicas"][1]["ready"] = False
    server.not_ready = None
    server.cluster = cluster

    page.shows("#state", "Ready, without replica 1")
    assert page.texts(".replica h3") == [
        "Replica 0\nserves\n3 running, 0 queued",
        "Replica 1\nout: no request goes to it\n3 running, 0 queued",
    ]


def test_a_server_that_is_not_ready_says_why(page: Page, server: ClusterServer) -> None:
    server.not_ready = "no token has come from the ranks yet"
    cluster = cluster_of(tp=2, pp=2, nodes=2)
    cluster["replicas"][0]["ready"] = False
    server.cluster = cluster

    page.shows("#state", "Not ready: no token has come from the ranks yet")
    page.shows(".replica h3", "out: no request goes to it")


@pytest.mark.parametrize("width", [320, 375, 860, 1360])
def test_it_fits_every_width(page: Page, server: ClusterServer, width: int) -> None:
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    assert page.run("return document.documentElement.scrollWidth") <= width
