"""The page at `/` of the real server, in a real Chromium: the chat, the key, and the end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import chromium
from tests.e2e.paced_server import PacedServer, paced_server
from tests.e2e.page import Page, page_of
from tests.e2e.running_job import within

KEPT = "return [Object.values(sessionStorage), localStorage.length, document.cookie]"
LONG = "word " * 200


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with chromium() as driver:
        yield driver


@pytest.fixture
def server() -> Iterator[PacedServer]:
    with paced_server() as started:
        yield started


@pytest.fixture
def page(browser: Chrome, server: PacedServer) -> Iterator[Page]:
    with page_of(browser, server.url) as loaded:
        loaded.shows("#state", "Ready")
        yield loaded


def test_an_answer_streams_in(page: Page, server: PacedServer) -> None:
    server.ranks.text = "The sea is wide,\nand deep."
    server.ranks.every_s = 0.1

    page.ask("One", Keys.SHIFT, Keys.ENTER, Keys.NULL, "two")

    page.shows(".answer .words", "The sea")
    assert "deep" not in page.text(".answer .words")
    assert page.attribute(".answer", "aria-busy") == "true"
    page.shows("#running", "1")
    assert page.answered() == "The sea is wide,\nand deep."
    assert page.text(".question .words") == "One\ntwo"
    first, speed, tokens = page.text(".answer .hint").split(" · ")
    assert (first.startswith("first token "), tokens) == (True, "27 tokens")
    assert 4 < float(speed.removesuffix(" tokens/s")) < 11
    work = server.ranks.last()
    assert server.ranks.conversations() == ["u:One\ntwo;a:"]
    assert (work.temperature, work.max_tokens) == (0.7, 256)
    within(10, lambda: float(page.text("#rate")) > 0)


def test_what_was_said_is_sent_along_until_a_new_chat(page: Page, server: PacedServer) -> None:
    server.ranks.text = "Paris."
    page.click("summary")
    page.type("#system", "Be brief.")

    page.ask("France?")
    page.answered(1)
    page.ask("Its river?")
    page.answered(2)
    page.click("#reset")
    assert page.texts(".turn") == []
    page.ask("Hello")
    page.answered(1)

    assert server.ranks.conversations() == [
        "s:Be brief.;u:France?;a:",
        "s:Be brief.;u:France?;a:Paris.;u:Its river?;a:",
        "s:Be brief.;u:Hello;a:",
    ]


@pytest.mark.parametrize("how", ["escape", "button", "new chat"])
def test_stop_frees_the_place_at_the_server(page: Page, server: PacedServer, how: str) -> None:
    server.ranks.text = LONG
    page.ask("Go on for ever")
    page.shows(".answer .words", "word word")

    if how == "escape":
        page.type("#prompt", Keys.ESCAPE)
    else:
        page.click("#stop" if how == "button" else "#reset")

    within(5, lambda: server.ranks.cancelled == [server.ranks.last().id])
    if how == "new chat":
        assert page.texts(".turn") == []
    else:
        page.shows(".answer", "stopped")
    assert (page.is_shown("#send"), page.is_shown("#stop")) == (True, False)


def test_html_is_text(browser: Chrome) -> None:
    attack = (
        "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    )
    with paced_server(name="<b>model</b>") as server, page_of(browser, server.url) as page:
        page.shows("h1", "<b>model</b>")
        server.ranks.text = attack + "<b>bold</b> & co"

        page.ask("<i>Hi</i>")

        assert page.answered() == attack + "<b>bold</b> & co"
        assert page.text(".question .words") == "<i>Hi</i>"
        assert page.texts("#talk img, #talk script, #talk b, #talk i, h1 b") == []
        assert browser.title == "<b>model</b> · clusterkit"


def test_a_refusal_is_one_line_and_the_question_comes_back(page: Page) -> None:
    page.click("summary")
    page.type("#max-tokens", Keys.CONTROL, "a", Keys.NULL, "5000")

    page.ask("Long")

    page.shows(".answer .trouble", "the model's context is 2048. Fix: `max_tokens: ")
    assert page.attribute("#prompt", "value") == "Long"


def test_a_wrong_key_then_the_right_one(browser: Chrome) -> None:
    digest = hashlib.sha256(b"s3cret").hexdigest()
    with (
        paced_server(api_keys_sha256=(digest,)) as server,
        page_of(browser, server.url) as page,
    ):
        page.shows("#key", "This server asks for a key")
        page.shows("#state", "An API key is needed")
        page.type("#key-value", "wrong", Keys.ENTER)
        page.shows("#key-why", "The server did not take that key.")
        page.type("#key-value", "s3cret", Keys.ENTER)
        page.shows("#state", "Ready")

        server.ranks.text = "Yes."
        page.ask("May I?")

        assert page.answered() == "Yes."
        assert page.run(KEPT) == [["s3cret"], 0, ""]
        page.run("sessionStorage.clear()")


def test_ranks_that_fail_are_told(page: Page, server: PacedServer) -> None:
    server.ranks.text = LONG
    page.ask("Go on")
    page.shows(".answer .words", "word word")

    server.ranks.fail("rank 1 on node2 is gone")

    page.shows(".answer .trouble", "rank 1 on node2 is gone")
    page.shows("#state", "rank 1 on node2 is gone")
    assert page.texts(".node h4") == ["node1\ncpu", "node2\ncpu"]
    page.shows("#state", "The server does not answer. Its last words: rank 1 on node2 is gone.")


def test_a_server_that_is_gone_and_comes_back(page: Page, server: PacedServer) -> None:
    server.ranks.text = LONG
    page.ask("Go on")
    page.shows(".answer .words", "word word")

    server.stop()

    page.shows(".answer .trouble", "stopping")
    page.shows("#state", "The server does not answer.")
    page.shows("#rate", "–")  # noqa: RUF001 - as shown
    with paced_server(server.port):
        page.shows("#state", "Ready", seconds=30)
