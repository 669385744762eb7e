"""The page at `/`, in a real Chromium: the map, the chat, the key, and a server that goes away."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import chromium
from tests.e2e.running_job import within
from tests.stand_ins.model_server import ModelServer, cluster_of, model_server

KEPT = "return [Object.values(sessionStorage), localStorage.length, document.cookie]"
REQUESTS = "return performance.getEntriesByType('resource').map(each => each.name)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with chromium() as driver:
        yield driver


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server(cluster_of(tp=2, pp=2, nodes=2)) as started:
        yield started


@pytest.fixture
def page(browser: Chrome, server: ModelServer) -> Iterator[Chrome]:
    """The page, loaded; it asked this server alone, and the browser refused nothing of it."""
    browser.get(server.url)
    yield browser
    # Chromium itself asks for the key and the answers that a test refuses.
    complaints = [line["message"] for line in browser.get_log("browser")]  # type: ignore[no-untyped-call]
    assert [line for line in complaints if "Failed to load resource" not in line] == []
    asked = {urlsplit(name)[:2] for name in browser.execute_script(REQUESTS)}  # type: ignore[no-untyped-call]
    assert asked == {urlsplit(server.url)[:2]}
    browser.get("about:blank")


def text(page: Chrome, selector: str) -> str:
    return page.find_element(By.CSS_SELECTOR, selector).text


def texts(page: Chrome, selector: str) -> list[str]:
    return [found.text for found in page.find_elements(By.CSS_SELECTOR, selector)]


def shows(page: Chrome, selector: str, expected: str, seconds: float = 15) -> None:
    seen = ""

    def look() -> bool:
        nonlocal seen
        seen = text(page, selector)
        return expected in seen

    try:
        within(seconds, look)
    except AssertionError:
        pytest.fail(f"{selector} shows {seen!r}, and not {expected!r}")


def say(page: Chrome, *keys: str) -> None:
    page.find_element(By.ID, "prompt").send_keys(*keys)


def test_the_map_shows_each_rank_where_it_is(page: Chrome, server: ModelServer) -> None:
    shows(page, "#state", "Ready")

    assert (text(page, "h1"), page.title) == ("smollm2-135m", "smollm2-135m · clusterkit")
    assert text(page, "#split") == "2 pipeline stages × 2 tensor shards"  # noqa: RUF001 - as shown
    assert texts(page, ".split tr") == [
        "stage 0 stage 1",
        "shard 0 0node1 2node2",
        "shard 1 1node1 3node2",
    ]
    assert [node.splitlines() for node in texts(page, ".node")] == [
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
    facts = texts(page, ".facts dd")
    assert (text(page, "#rate"), facts) == (
        "37.4",
        ["3", "0", "16", "48,213", "2,048", "2 h 14 min"],
    )
    assert text(page, "#versions") == "clusterkit 0.1.0 · torch 2.13.0+cpu · transformers 5.20.2"


def test_figures_follow_the_server(page: Chrome, server: ModelServer) -> None:
    shows(page, "#rate", "37.4")

    server.cluster = {**server.cluster, "tokens_per_s": 1234.5, "running": 16, "queued": 7}

    shows(page, "#rate", "1,235")
    assert (text(page, "#running"), text(page, "#queued")) == ("16", "7")
    line = page.find_element(By.CSS_SELECTOR, "#chart .line").get_attribute("d") or ""
    assert line.startswith("M")
    assert line.count("L") >= 1


def test_a_replica_that_is_out_is_marked_in_words(page: Chrome, server: ModelServer) -> None:
    cluster = cluster_of(tp=1, pp=2, nodes=2, replicas=2)
    cluster["replicas"][1]["ready"] = False
    server.cluster = cluster

    shows(page, "#state", "Ready, without replica 1")
    assert texts(page, ".replica h3") == [
        "Replica 0\nserves\n3 running, 0 queued",
        "Replica 1\nout: no request goes to it\n3 running, 0 queued",
    ]


def test_an_answer_streams_in(page: Chrome, server: ModelServer) -> None:
    shows(page, "#state", "Ready")
    server.pieces = ["The", " sea", " is", " wide,", "\n", "and", " deep."]
    server.every_s = 0.3

    say(page, "One", Keys.SHIFT, Keys.ENTER, Keys.NULL, "two", Keys.ENTER)

    shows(page, ".answer .words", "The sea")
    assert "deep" not in text(page, ".answer .words")
    assert page.find_element(By.CSS_SELECTOR, ".answer").get_attribute("aria-busy") == "true"
    shows(page, ".answer", "7 tokens")
    assert text(page, ".question .words") == "One\ntwo"
    assert text(page, ".answer .words") == "The sea is wide,\nand deep."
    first, speed, _ = text(page, ".answer .hint").split(" · ")
    assert (first.startswith("first token "), speed.endswith(" tokens/s")) == (True, True)
    assert 2 < float(speed.split()[0]) < 4
    assert server.asked == [
        {
            "model": "smollm2-135m",
            "messages": [{"role": "user", "content": "One\ntwo"}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0.7,
            "max_tokens": 256,
        }
    ]


def test_what_was_said_is_sent_along_until_a_new_chat(page: Chrome, server: ModelServer) -> None:
    shows(page, "#state", "Ready")
    server.pieces = ["Paris."]
    page.find_element(By.CSS_SELECTOR, "summary").click()
    page.find_element(By.ID, "system").send_keys("Be brief.")

    for number, question in enumerate(("France?", "Its river?")):
        say(page, question, Keys.ENTER)
        within(
            10, lambda count=number + 1: "".join(texts(page, ".answer")).count("1 token") == count
        )
    page.find_element(By.ID, "reset").click()
    assert texts(page, ".turn") == []
    say(page, "Hello", Keys.ENTER)
    shows(page, ".answer", "1 token")

    system = {"role": "system", "content": "Be brief."}
    first = [{"role": "user", "content": "France?"}, {"role": "assistant", "content": "Paris."}]
    assert [asked["messages"] for asked in server.asked] == [
        [system, first[0]],
        [system, *first, {"role": "user", "content": "Its river?"}],
        [system, {"role": "user", "content": "Hello"}],
    ]


@pytest.mark.parametrize("how", ["escape", "button", "new chat"])
def test_stop_lets_the_server_go_on_with_others(
    page: Chrome, server: ModelServer, how: str
) -> None:
    shows(page, "#state", "Ready")
    server.pieces = ["word "] * 2000
    say(page, "Go on for ever", Keys.ENTER)
    shows(page, ".answer .words", "word word")

    if how == "escape":
        say(page, Keys.ESCAPE)
    else:
        page.find_element(By.ID, "stop" if how == "button" else "reset").click()

    within(5, lambda: server.left == 1)
    if how == "new chat":
        assert texts(page, ".turn") == []
    else:
        shows(page, ".answer", "stopped")
    assert page.find_element(By.ID, "send").is_displayed()
    assert not page.find_element(By.ID, "stop").is_displayed()


def test_html_in_an_answer_is_text(page: Chrome, server: ModelServer) -> None:
    shows(page, "#state", "Ready")
    attack = (
        "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    )
    server.pieces = [attack[:7], attack[7:], "<b>bold</b> & co"]
    server.cluster = {**server.cluster, "model": "<b>model</b>"}
    shows(page, "h1", "<b>model</b>")

    say(page, "<i>Hi</i>", Keys.ENTER)

    shows(page, ".answer", "3 tokens")
    assert text(page, ".answer .words") == f"{attack}<b>bold</b> & co"
    assert text(page, ".question .words") == "<i>Hi</i>"
    assert page.find_elements(By.CSS_SELECTOR, "#talk img, #talk b, #talk i, h1 b") == []
    assert page.title == "<b>model</b> · clusterkit"


def test_a_refusal_is_one_line_and_the_question_comes_back(
    page: Chrome, server: ModelServer
) -> None:
    shows(page, "#state", "Ready")
    server.refusal = (400, "The prompt has 9000 tokens,\nand at most 2048 fit")

    say(page, "Long", Keys.ENTER)

    shows(page, ".answer .trouble", "The prompt has 9000 tokens, and at most 2048 fit")
    assert page.find_element(By.ID, "prompt").get_attribute("value") == "Long"


def test_a_wrong_key_then_the_right_one(page: Chrome, server: ModelServer) -> None:
    server.key = "s3cret"
    shows(page, "#key", "This server asks for a key")
    shows(page, "#state", "An API key is needed")

    page.find_element(By.ID, "key-value").send_keys("wrong", Keys.ENTER)
    shows(page, "#key-why", "The API key is missing or wrong")
    page.find_element(By.ID, "key-value").send_keys("s3cret", Keys.ENTER)
    shows(page, "#state", "Ready")

    server.pieces = ["Yes."]
    say(page, "May I?", Keys.ENTER)
    shows(page, ".answer", "1 token")
    assert page.execute_script(KEPT) == [["s3cret"], 0, ""]  # type: ignore[no-untyped-call]


def test_a_server_that_is_not_ready_says_why(page: Chrome, server: ModelServer) -> None:
    shows(page, "#state", "Ready")
    server.not_ready = "rank 3 on node2 is gone"
    cluster = cluster_of(tp=2, pp=2, nodes=2)
    cluster["replicas"][0]["ready"] = False
    server.cluster = cluster

    shows(page, "#state", "Not ready: rank 3 on node2 is gone")
    shows(page, ".replica h3", "out: no request goes to it")


def test_a_server_that_is_gone_and_comes_back(page: Chrome, server: ModelServer) -> None:
    shows(page, "#state", "Ready")
    server.pieces = ["word "] * 2000
    say(page, "Go on", Keys.ENTER)
    shows(page, ".answer .words", "word word")

    server.stop()

    shows(page, ".answer .trouble", "The answer broke off")
    shows(page, "#state", "The server does not answer. Trying again in")
    assert text(page, "#rate") == "–"  # noqa: RUF001 - as shown
    with model_server(cluster_of(tp=1, pp=1, nodes=1), port=urlsplit(server.url).port or 0):
        shows(page, "#state", "Ready", seconds=30)
        assert text(page, "#split") == "one rank, not split"
