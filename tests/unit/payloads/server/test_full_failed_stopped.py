"""What clients hear when there is no place, no time, no rank, or no server any more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from openai import APIError, OpenAI

from tests.unit.payloads.server.stand_in import NAME, WITHIN_S, Running, running


def error_of(response: httpx2.Response) -> tuple[int, str, str]:
    error = response.json()["error"]
    return response.status_code, error["type"], error["message"]


def open_requests(server: Running, pool: ThreadPoolExecutor) -> tuple[Any, Any]:
    """A whole answer and a stream, both under way."""
    whole = pool.submit(server.ask)
    server.ranks.until(lambda: len(server.ranks.works) == 1)
    stream = pool.submit(lambda: server.ask(stream=True))
    server.ranks.until(lambda: len(server.ranks.works) == 2)
    server.ranks.say_one()
    return whole, stream


def last_event(stream: httpx2.Response) -> str:
    assert stream.status_code == 200
    return stream.text.split("\n\n")[-2]


def test_a_full_queue_is_429_and_none_of_several_prompts_is_left():
    with running(held=True) as server:
        server.ranks.places = 2
        response = server.ask(prompt=["a", "b", "c"])

        assert error_of(response) == (
            429,
            "rate_limit_error",
            "0 requests wait already. Fix: ask again in a second",
        )
        assert response.headers["retry-after"] == "1"
        assert len(server.ranks.cancelled) == 2
        server.ranks.release()
        assert server.ask().status_code == 200


def test_without_a_queue_as_many_prompts_are_taken_as_have_places():
    with running(max_queue=0) as server:
        assert server.ask().status_code == 200
        assert server.ask(prompt=["a"] * 4).status_code == 200
        assert error_of(server.ask(prompt=["a"] * 5)) == (
            400,
            "invalid_request_error",
            "prompt: 5 at once. Fix: send 4 at most",
        )


def test_a_request_has_a_time_limit():
    said = "no full answer within 0.2 s. Fix: ask for fewer tokens"
    with running("abc", held=True, request_timeout_s=0.2) as server:
        assert error_of(server.ask()) == (504, "server_error", said)
        with ThreadPoolExecutor() as pool:
            stream = pool.submit(lambda: server.ask(stream=True))
            server.ranks.until(lambda: len(server.ranks.works) == 2)
            server.ranks.say_one()
            assert said in last_event(stream.result())
        assert len(server.ranks.cancelled) == 2


def test_ranks_that_fail_are_told_to_every_open_request():
    why = "rank 1 (node2) is gone"
    said = f"the ranks of this server failed: {why}"
    with running("abc", held=True) as server, ThreadPoolExecutor() as pool:
        whole, stream = open_requests(server, pool)
        assert server.get("/ready").status_code == 200

        server.ranks.fail(why)

        assert error_of(whole.result()) == (503, "server_error", said)
        assert last_event(stream.result()) == (
            'data: {"error":{"message":"' + said + '","type":"server_error","param":null,'
            '"code":"ranks_failed"}}'
        )
        assert error_of(server.ask()) == (503, "server_error", said)
        assert error_of(server.get("/ready")) == (503, "server_error", f"not ready: {why}")
        assert server.get("/health").text == "alive\n"
        assert server.get("/cluster").json()["failure"] == why
        assert server.ended.wait(WITHIN_S), "it leaves by itself, for its rank to say so"


def test_the_official_client_sees_a_stream_that_breaks():
    with running("abc", held=True) as server, ThreadPoolExecutor() as pool:

        def texts(client: OpenAI) -> None:
            for _ in client.completions.create(model=NAME, prompt="a", stream=True):
                server.ranks.fail("rank 1 is gone")

        with server.client() as client:
            reading = pool.submit(texts, client)
            server.ranks.until(lambda: len(server.ranks.works) == 1)
            server.ranks.say_one()
            with pytest.raises(APIError, match="rank 1 is gone"):
                reading.result()


def test_a_server_that_stops_lets_running_answers_end():
    with running("abc", held=True, drain_s=WITHIN_S) as server, ThreadPoolExecutor() as pool:
        whole, stream = open_requests(server, pool)

        server.stop.set()

        response = refused_ask(server)
        assert error_of(response) == (
            503,
            "server_error",
            "the server is stopping. Fix: ask again once it runs again",
        )
        assert response.headers["retry-after"] == str(WITHIN_S + 1)
        assert server.get("/ready").status_code == 503
        assert "clusterkit_ready 0.0" in server.get("/metrics").text
        assert not server.ended.is_set()
        server.ranks.release()
        assert whole.result().json()["choices"][0]["text"] == "abc"
        assert last_event(stream.result()) == "data: [DONE]"
        assert server.ended.wait(WITHIN_S)
    assert server.ranks.cancelled == []


def refused_ask(server: Running) -> httpx2.Response:
    """The server looks for its end a few times a second; until then it takes requests."""
    while True:
        ready = server.get("/ready")
        if ready.status_code == 503:
            return server.ask()


def test_a_server_that_stops_does_not_wait_for_ever():
    said = "the server is stopping. Fix: ask again once it runs again"
    with running("abc", held=True, drain_s=0.1) as server, ThreadPoolExecutor() as pool:
        whole, stream = open_requests(server, pool)

        server.stop.set()

        assert error_of(whole.result()) == (503, "server_error", said)
        assert said in last_event(stream.result())
        assert server.ended.wait(WITHIN_S)
        assert len(server.ranks.cancelled) == 2
