"""A router over real sockets: who answers, who does not, and what is told of it."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.unit.payloads.router.routers import Routing, routing, until
from tests.unit.payloads.server.stand_in import NAME


def ready(router: Routing) -> list[bool]:
    return [each["ready"] for each in router.get("/cluster").json()["replicas"]]


def test_answers_are_those_of_the_replicas_and_all_have_some(tmp_path: Path) -> None:
    with routing(tmp_path) as router:
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: router.ask(), range(16)))
        assert {(each.status_code, each.json()["choices"][0]["text"]) for each in answers} == {
            (200, "yes")
        }
        assert "".join(part.choices[0].text for part in router.stream()) == "yes"
        assert sum(router.works()) == 17
        assert min(router.works()) >= 4
        assert router.get("/v1/models").json()["data"][0]["id"] == NAME
        assert router.get("/ready").text == "ready\n"
        assert router.told[-1] == {
            "event": "serving",
            "model": NAME,
            "answer": "Paris",
            "took_s": router.told[-1]["took_s"],
        }


def test_errors_of_a_replica_come_as_they_are(tmp_path: Path) -> None:
    with routing(tmp_path) as router:
        answer = router.ask(max_tokens="many")

        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "max_tokens")
        assert sum(router.works()) == 0


def test_the_one_with_the_least_to_do_is_asked(tmp_path: Path) -> None:
    with routing(tmp_path, held=True) as router:
        streams = []
        with ThreadPoolExecutor(8) as pool:
            streams += [pool.submit(router.ask) for _ in range(6)]
            until(lambda: sum(router.works()) == 6)
            assert router.works() == [3, 3]
            for replica in router.replicas:
                replica.ranks.release()
        assert {each.result().status_code for each in streams} == {200}


def test_when_all_are_full_it_is_said_at_once(tmp_path: Path) -> None:
    with routing(tmp_path, held=True, max_batch=1, max_queue=0) as router:
        with ThreadPoolExecutor(2) as pool:
            answers = [pool.submit(router.ask) for _ in range(2)]
            until(lambda: router.works() == [1, 1])
            full = router.ask()
            assert (full.status_code, full.headers["Retry-After"]) == (429, "1")
            assert full.json()["error"]["code"] == "queue_full"
            for replica in router.replicas:
                replica.ranks.release()
        assert [each.result().status_code for each in answers] == [200, 200]


def test_a_request_that_has_not_begun_is_answered_by_another(tmp_path: Path) -> None:
    with routing(tmp_path, held=True) as router:
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(router.ask)
            until(lambda: sum(router.works()) == 1)
            first = router.works().index(1)
            router.replicas[1 - first].ranks.release()
            router.replicas[first].ranks.fail("rank 1 on node2 is gone")
            assert answer.result().json()["choices"][0]["text"] == "yes"
        until(lambda: ready(router)[first] is False)
        row = router.get("/cluster").json()["replicas"][first]
        assert (row["reason"], row["job"]) == ("rank 1 on node2 is gone", f"serve-abc123-r{first}")
        out = ("replica", str(first), False, "rank 1 on node2 is gone")
        until(lambda: out in router.events())
        text = router.get("/metrics").text
        assert f'clusterkit_replica_ready{{replica="{first}"}} 0.0' in text
        assert "clusterkit_router_retries_total 1.0" in text
        assert router.ask().status_code == 200


def test_a_request_is_tried_twice_at_most(tmp_path: Path) -> None:
    with routing(tmp_path, 3, held=True) as router:
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(router.ask)
            for _ in range(2):
                until(lambda: 1 in router.works())
                at = router.works().index(1)
                router.replicas[at].ranks.works.clear()
                router.replicas[at].ranks.fail("gone")
            refused = answer.result()
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "ranks_failed")
        assert sum(router.works()) == 0


def test_a_stream_that_has_begun_ends_with_the_error_of_its_replica(tmp_path: Path) -> None:
    with routing(tmp_path, held=True) as router:
        heard: list[str] = []
        problems: list[Exception] = []
        begun = threading.Event()

        def read() -> None:
            try:
                for part in router.stream():
                    heard.append(part.choices[0].text)
                    begun.set()
            except openai.APIError as error:
                problems.append(error)

        reading = threading.Thread(target=read)
        reading.start()
        until(lambda: sum(router.works()) == 1)
        at = router.works().index(1)
        router.replicas[at].ranks.say_one()
        assert begun.wait(20)
        router.replicas[at].ranks.fail("rank 0 on node1 is gone")
        reading.join(20)

        assert (heard, len(problems)) == (["y"], 1)
        assert "rank 0 on node1 is gone" in str(problems[0])
        assert router.works()[1 - at] == 0


class Breaking(BaseHTTPRequestHandler):
    """A replica that is ready, and whose process dies after the first piece of an answer."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        row = {"ready": True, "ranks": []}
        told = {"replicas": [row], "running": 0, "queued": 0, "slots": 4, "tokens": 1}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        piece = b'data: {"choices": [{"text": "y"}]}\n\n'
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.flush()
        threading.Thread(target=self.server.shutdown).start()
        self.server.socket.close()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


def test_a_connection_that_breaks_is_told_in_the_words_of_the_job(tmp_path: Path) -> None:
    with routing(tmp_path, 1, ready=False) as router:
        with ThreadingHTTPServer(("127.0.0.1", 0), Breaking) as replica:
            threading.Thread(target=replica.serve_forever, daemon=True).start()
            router.jobs[0].serves_at(replica.server_port)
            until(lambda: ready(router) == [True])
            parts = iter(router.stream())
            assert next(parts).choices[0].text == "y"
            ended = {"exit_code": None, "signal": "SIGKILL"}
            router.jobs[0].tell(t="rank-ended", rank=0, node="node2", **ended)

            with pytest.raises(openai.APIError, match=r"replica 0: rank 0 on node2 ended"):
                list(parts)
        until(lambda: ready(router) == [False])


def test_a_client_that_goes_away_frees_its_place(tmp_path: Path) -> None:
    with routing(tmp_path, held=True) as router:
        parts: Any = None

        def begin() -> None:
            nonlocal parts
            parts = router.stream()
            next(iter(parts))

        reading = threading.Thread(target=begin)
        reading.start()
        until(lambda: sum(router.works()) == 1)
        ranks = router.replicas[router.works().index(1)].ranks
        ranks.say_one()
        reading.join(20)
        parts.close()

        until(lambda: ranks.cancelled == [ranks.works[0].id])


def test_a_job_that_ended_is_out_and_one_that_begins_anew_is_in_again(tmp_path: Path) -> None:
    with routing(tmp_path) as router:
        job, port = router.jobs[1], router.replicas[1].port
        why = "rank 0 on node2 was ended by SIGKILL"
        job.tell(t="restarting", job="serve-abc123-r1", why=f"{why}\nmore", attempt=2, of=2)
        until(lambda: ready(router) == [True, False])
        row = router.get("/cluster").json()["replicas"][1]
        assert row["reason"] == f"it begins anew: {why}"
        assert len(row["ranks"]) == 2
        assert {router.ask().status_code for _ in range(4)} == {200}
        assert router.works() == [4, 0]

        job.serves_at(port)
        until(lambda: ready(router) == [True, True])
        assert router.events()[-2:] == [
            ("replica", "1", False, f"it begins anew: {why}"),
            ("replica", "1", True, None),
        ]


def test_where_none_is_ready_that_is_said_with_the_reasons(tmp_path: Path) -> None:
    with routing(tmp_path, ready=False) as router:
        until(lambda: router.get("/health").status_code == 200)
        answer = router.ask()

        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert "replica 0: it is starting; replica 1: it is starting" in answer.text
        assert router.get("/ready").status_code == 503
        assert router.get("/cluster").json()["failure"] == (
            "replica 0: it is starting; replica 1: it is starting"
        )


def test_when_all_have_ended_the_router_fails(tmp_path: Path) -> None:
    with routing(tmp_path) as router:
        for job in router.jobs:
            job.ends("rank 0 ran out of memory")

        assert router.ended.wait(20)
        assert router.failed == ["every replica has ended: rank 0 ran out of memory"]


def test_requests_that_run_end_before_it_stops(tmp_path: Path) -> None:
    with routing(tmp_path, held=True, drain_s=20) as router:
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(router.ask)
            until(lambda: sum(router.works()) == 1)
            router.stop.set()
            until(lambda: router.get("/ready").status_code == 503)
            assert router.ask().json()["error"]["code"] == "server_stopping"
            for replica in router.replicas:
                replica.ranks.release()
            assert answer.result().json()["choices"][0]["text"] == "yes"
        assert router.ended.wait(20)


def test_figures_of_replicas_have_their_label_and_each_name_is_told_once(tmp_path: Path) -> None:
    with routing(tmp_path) as router:
        for _ in range(4):
            router.ask()
        text = router.get("/metrics").text

    types = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(types) == len(set(types))
    count = 'clusterkit_requests_total{replica="%d",route="/v1/completions",status="200"} 3.0'
    assert [count % number in text for number in (0, 1)] == [True, True]  # one made it ready
    assert 'clusterkit_router_requests_total{route="/v1/completions",status="200"} 4.0' in text
    assert "\nclusterkit_ready 1.0" in text
    assert "clusterkit_ready{replica=" not in text


@pytest.mark.parametrize("path", ["/v1/models", "/cluster", "/metrics"])
def test_the_users_keys_are_asked_for_and_the_routers_is_not_theirs(
    tmp_path: Path, path: str
) -> None:
    from tests.unit.payloads.router.routers import KEY

    digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # of "secret"
    with routing(tmp_path, api_keys_sha256=(digest,)) as router:
        assert router.get(path).status_code == 401
        assert router.get(path, headers={"Authorization": f"Bearer {KEY}"}).status_code == 401
        own = {"Authorization": "Bearer secret"}
        assert router.get(path, headers=own).status_code == 200
