"""What cannot be answered gets the right status and one line that says what to do."""

from __future__ import annotations

import json

import pytest

from tests.unit.payloads.server.refusals import COMPLETION, lives_on, refused, strict_server
from tests.unit.payloads.server.stand_in import NAME, ids_of, running

JSON = {"Content-Type": "application/json"}
server, _lives_on = strict_server, lives_on
pytestmark = pytest.mark.usefixtures("_lives_on")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is not JSON: EOF while parsing a value at line 1 column 0"),
        (b'{"model": ', "the body is not JSON: EOF while parsing a value at line 1 column 10"),
        (b"[1]", "the body is JSON, and no object"),
        (b'{"model": "\xff"}', "the body is not UTF-8: byte 11"),
        (b'{"temperature": NaN}', "the body is not JSON: expected value at line 1 column 17"),
        (b'{"prompt": "\\ud800"}', "the body is not JSON: unexpected end of hex escape"),
        (b"[" * 100_000, "the body is not JSON: recursion limit exceeded"),
    ],
)
def test_bodies_that_are_no_json(server, body, message):
    status, said, param, code = refused(server.post(content=body, headers=JSON))
    assert (status, param, code) == (400, None, None)
    assert said.startswith(message)


def test_a_body_of_another_type(server):
    response = server.post(content=b"{}", headers={"Content-Type": "text/plain"})
    assert refused(response) == (
        415,
        "the body is not JSON. Fix: send `Content-Type: application/json`",
        None,
        None,
    )


def test_a_body_that_is_compressed(server):
    response = server.post(content=b"\x1f\x8b", headers={**JSON, "Content-Encoding": "gzip"})
    assert refused(response) == (
        415,
        "the body is compressed: gzip. Fix: send it as it is, without `Content-Encoding`",
        None,
        None,
    )
    response = server.post(content=b"[]", headers={**JSON, "Content-Encoding": "identity"})
    assert refused(response)[:2] == (
        400,
        "the body is JSON, and no object. Fix: send one JSON object",
    )


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        (
            {"prompt": "a" * 21},
            None,
            "the prompt has 21 tokens, and 20 at most are taken. Fix: send a shorter one",
        ),
        (
            {"prompt": "a", "max_tokens": 41},
            "max_tokens",
            "max_tokens is 41, and 40 at most are given. Fix: `max_tokens: 40`",
        ),
    ],
)
def test_what_is_longer_than_the_server_was_told(server, fields, param, message):
    response = server.post(json={"model": NAME, **fields})
    assert refused(response) == (400, message, param, "context_length_exceeded")


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        (
            {"prompt": "a" * 64},
            None,
            "the prompt has 64 tokens, and 63 at most are taken. Fix: send a shorter one",
        ),
        (
            {"prompt": ids_of("a" * 60), "max_tokens": 5},
            "max_tokens",
            "the prompt has 60 tokens and 5 may follow; the model's context is 64. "
            "Fix: `max_tokens: 4` at most",
        ),
    ],
)
def test_what_is_longer_than_the_context(fields, param, message):
    with running() as server:
        response = server.post(json={"model": NAME, **fields})
    assert refused(response) == (400, message, param, "context_length_exceeded")


def test_another_model(server):
    response = server.post(json={"model": "gpt-9", "prompt": "a"})
    assert refused(response) == (
        404,
        "model 'gpt-9' is not served here. Fix: ask for 'tiny'",
        "model",
        "model_not_found",
    )


def test_another_method_and_another_path(server):
    response = server.get(COMPLETION)
    assert response.headers["allow"] == "POST"
    assert refused(response)[:2] == (405, f"GET {COMPLETION}: not so. Fix: use POST")
    assert refused(server.get("/v1/none"))[:2] == (
        404,
        "GET /v1/none: no such path. Fix: see /v1/models",
    )
    assert refused(server.post(f"{COMPLETION}/", content=b""))[0] == 404


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_ten_megabytes_is_refused_and_not_kept(server, chunked):
    piece = json.dumps({"model": NAME, "prompt": "a" * 100_000}).encode()
    pieces = [piece] * 100
    content = iter(pieces) if chunked else b"".join(pieces)

    response = server.post(content=content, headers=JSON)

    assert response.headers["connection"] == "close"
    assert refused(response) == (
        413,
        "the body has more than 1048576 bytes. Fix: send a shorter prompt",
        None,
        "body_too_long",
    )
