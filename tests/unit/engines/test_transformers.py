from __future__ import annotations

import json
from dataclasses import replace

import pytest

from clusterkit.checks.fit import REQUIRED_PACKAGES, SERVER_PACKAGES
from clusterkit.engines.answers import Completion, Done, Peak, RankError, Ready, Token
from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.serving import Listening, ServeLimits
from clusterkit.engines.transformers import Transformers
from clusterkit.errors import DoesNotFit, UsageError
from clusterkit.facts import NodeFacts
from clusterkit.model.engine import EngineSettings
from clusterkit.model.models import model_source
from clusterkit.placement import Placement, Rank
from tests.unit.pair import pair

ODD = 'it\'s $(touch /pwned) "x" \\n ünï\n'


def test_the_program_of_a_rank() -> None:
    engine = Transformers(EngineSettings(tp=3, pp=2, threads_per_rank=1))
    request = GenerateRequest((ODD, "two"), system="Be brief.", temperature=0.5, seed=7)

    program = engine.program(
        "/opt/v/bin/python", "/ck/payloads", "/shared/m", request, Placement(())
    )

    assert program.argv == ("/opt/v/bin/python", "/ck/payloads", "generate")
    assert program.env == {}
    assert list(program.files) == ["input.json"]
    assert json.loads(program.files["input.json"]) == {
        "version": 1,
        "model": "/shared/m",
        "tp": 3,
        "pp": 2,
        "dtype": "auto",
        "threads": 1,
        "prompts": [ODD, "two"],
        "system": "Be brief.",
        "raw": False,
        "max_tokens": 128,
        "temperature": 0.5,
        "top_p": 1.0,
        "seed": 7,
        "logits": 0,
    }


def test_the_program_of_a_rank_of_a_server() -> None:
    limits = ServeLimits(api_keys_sha256=("ab",), max_batch=4, max_tokens=9, drain_s=60)
    engine = Transformers(EngineSettings(pp=2, compile="auto")).limited(limits)
    placement = Placement((Rank(0, "node1", 0), Rank(1, "node2", 0)))

    program = engine.serve(
        "/python", "/payloads", "/shared/m-1", placement, Listening("::1", 9000, "::1")
    )

    assert program.argv == ("/python", "/payloads", "serve")
    assert json.loads(program.files["input.json"]) == {
        "version": 1,
        "model": "/shared/m-1",
        "name": "smollm2-135m",
        "tp": 1,
        "pp": 2,
        "dtype": "auto",
        "threads": None,
        "compile": "auto",
        "host": "::1",
        "port": 9000,
        "api_keys_sha256": ["ab"],
        "max_batch": 4,
        "max_queue": 256,
        "max_prompt_tokens": None,
        "max_tokens": 9,
        "request_timeout_s": 600.0,
        "drain_s": 60,
        "map": [
            {"rank": 0, "node": "node1", "local_rank": 0},
            {"rank": 1, "node": "node2", "local_rank": 0},
        ],
    }


def test_a_server_is_checked_for_its_longest_text_and_its_packages() -> None:
    packages = dict.fromkeys((*REQUIRED_PACKAGES, "pydantic"), "5.20.2")
    node = NodeFacts("node1", 2, 2**31, 2**30, "/python", "3.11.2", packages=packages)
    engine = Transformers(EngineSettings(pp=2))

    with pytest.raises(DoesNotFit) as caught:
        engine.check_serve(None, pair(), {"node1": node})
    packages |= dict.fromkeys(SERVER_PACKAGES, "1")
    small = engine.limited(ServeLimits(max_prompt_tokens=100, max_tokens=100))

    assert str(caught.value) == (
        "node1: /python has no starlette, uvicorn, prometheus_client. "
        "Fix: `/python -m pip install starlette uvicorn prometheus_client`"
    )
    assert small.check_serve(None, pair(), {"node1": node}) == ()
    tight = replace(node, memory_available_bytes=700 * 2**20)
    assert small.check_serve(None, pair(), {"node1": tight}) == ()
    with pytest.raises(DoesNotFit, match="node1: a rank needs about"):
        engine.check_serve(None, pair(), {"node1": tight})


def test_a_server_warns_where_its_batch_may_not_fit() -> None:
    packages = dict.fromkeys((*REQUIRED_PACKAGES, *SERVER_PACKAGES), "5.20.2")
    node = NodeFacts("node1", 2, 2**33, 2**30, "/python", "3.11.2", packages=packages)
    known = {"node1": node, "node2": replace(node, memory_available_bytes=2**33)}
    builtin = model_source("smollm2-135m").builtin
    assert builtin is not None
    shape, engine = builtin.shape, Transformers(EngineSettings(pp=2))

    def told(**limits: int) -> tuple[str, ...]:
        return engine.limited(ServeLimits(**limits)).check_serve(shape, pair(), known)  # type: ignore[arg-type]

    assert told() == (
        "node1: 16 requests of 8192 tokens at once need 2.8 GiB for keys and values in each rank, "
        "and 2 of them fit. The server may fail where more are as long: `--max-batch 2` fits, or "
        "`--max-prompt-tokens` and `--max-tokens` of 1028 together",
    )
    assert told(max_prompt_tokens=100) == told(max_tokens=100) == told()
    assert told(max_batch=2) == told(max_prompt_tokens=828, max_tokens=200) == ()
    assert engine.check_serve(None, pair(), known) == ()
    assert engine.check_serve(shape, pair(), {}) == ()


def test_every_problem_of_a_request_is_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        GenerateRequest(
            ("a", " ", "\udcff"),
            system="s",
            raw=True,
            max_tokens=0,
            temperature=float("nan"),
            top_p=0,
            seed=-1,
        )

    assert str(caught.value).splitlines() == [
        "prompt 2 is empty. Fix: write one",
        "a prompt is not UTF-8. Fix: write it as UTF-8",
        "a system prompt needs the chat template. Fix: leave out `--raw` or `--system`",
        "max tokens is 0. Fix: 1 or more",
        "temperature is nan. Fix: 0 (greedy) or more",
        "top-p is 0. Fix: more than 0, at most 1",
        "seed is -1. Fix: 0 to 2^63 - 1",
    ]


def test_no_prompt() -> None:
    with pytest.raises(UsageError, match=r"^there is no prompt\. Fix: "):
        GenerateRequest(())


@pytest.mark.parametrize(
    ("row", "event"),
    [
        (
            {
                "event": "ready",
                "rank": 9,
                "device": "cuda:0",
                "device_name": "H200",
                "gpu_uuid": "GPU-1",
                "load_s": 1.5,
                "memory_bytes": 10,
                "parameters": 20,
                "dtype": "bfloat16",
                "more": 1,
            },
            Ready(1, "cuda:0", 1.5, 10, 20, "bfloat16", "H200", "GPU-1"),
        ),
        ({"event": "token", "prompt": 0, "text": " the"}, Token(0, " the")),
        (
            {
                "event": "answer",
                "prompt": 0,
                "prompt_text": "Hi",
                "text": "Yo",
                "token_ids": [1, 2],
                "prompt_tokens": 3,
                "completion_tokens": 2,
                "finish_reason": "stop",
                "first_token_s": 0.1,
                "token_s": None,
                "seed": None,
                "prompt_logits": [[4, 1.5]],
            },
            Completion(0, "Hi", "Yo", (1, 2), 3, 2, "stop", 0.1, None, None, ((4, 1.5),)),
        ),
        ({"event": "peak", "rank": 1, "memory_bytes": 30}, Peak(1, 30)),
        ({"event": "done", "versions": {"torch": "2"}, "tp": 1}, Done({"torch": "2"})),
        ({"event": "error", "rank": 1, "message": "no"}, RankError(1, "no")),
        ({"event": "hello"}, None),
        ({}, None),
    ],
)
def test_what_a_rank_tells(row: dict[str, object], event: object) -> None:
    assert Transformers(EngineSettings()).parse(1, row) == event
