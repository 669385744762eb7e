"""The official client gets from our server what it gets from OpenAI's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from openai import APIStatusError

from clusterkit.payloads.server.work import NewToken, Work
from tests.unit.payloads.server.stand_in import (
    NAME,
    Running,
    ids_of,
    running,
    says,
    tiny_tokenizer,
)

HELLO = [{"role": "user", "content": "hi"}]


def test_a_chat_is_answered_whole():
    with running("Où ? 🦙") as server, server.client() as client:
        answer = client.chat.completions.create(model=NAME, messages=HELLO, temperature=0, seed=7)

    assert answer.id.startswith("chatcmpl-")
    assert answer.created > 1_700_000_000
    assert answer.system_fingerprint.startswith("fp_")
    assert answer.model_dump(
        exclude={"id", "created", "system_fingerprint"}, exclude_unset=True
    ) == {
        "object": "chat.completion",
        "model": NAME,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Où ? 🦙", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 11, "total_tokens": 18},
    }
    (work,) = server.ranks.works
    assert work.prompt == tuple(ids_of("u:hi;a:"))
    assert (work.id, work.temperature, work.top_p, work.seed) == (answer.id, 0.0, 1.0, 7)
    assert work.max_tokens == 64 - 7, "as much as fits"


def test_a_chat_is_streamed():
    with running("Où") as server, server.client() as client:
        chunks = list(
            client.chat.completions.create(
                model=NAME, messages=HELLO, stream=True, stream_options={"include_usage": True}
            )
        )

    seen = [chunk.model_dump(exclude_unset=True) for chunk in chunks]
    assert len({(one.pop("id"), one.pop("created")) for one in seen}) == 1
    assert {one.pop("object") for one in seen} == {"chat.completion.chunk"}
    assert {one.pop("model") for one in seen} == {NAME}
    assert len({one.pop("system_fingerprint") for one in seen}) == 1

    def chunk(delta, finish=None):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {"choices": [choice], "usage": None}

    assert seen == [
        chunk({"role": "assistant", "content": "", "refusal": None}),
        chunk({"content": "O"}),
        chunk({"content": "ù"}),
        chunk({}, "stop"),
        {
            "choices": [],
            "usage": {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11},
        },
    ]


def test_a_stream_is_events_that_end_with_done():
    with running("ab") as server:
        response = server.ask(stream=True)

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, done, rest = response.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    assert [event[:7] for event in events] == ["data: {"] * 3


def test_a_completion_is_answered_whole():
    with running("yes, and more") as server, server.client() as client:
        answer = client.completions.create(model=NAME, prompt="hi", max_tokens=3, top_p=0.5)

    assert answer.id.startswith("cmpl-")
    assert answer.model_dump(
        exclude={"id", "created", "system_fingerprint"}, exclude_unset=True
    ) == {
        "object": "text_completion",
        "model": NAME,
        "choices": [{"index": 0, "text": "yes", "logprobs": None, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5},
    }
    (work,) = server.ranks.works
    assert (work.temperature, work.top_p, work.max_tokens) == (1.0, 0.5, 3)


def test_a_completion_is_streamed():
    with running("ab") as server, server.client() as client:
        chunks = list(client.completions.create(model=NAME, prompt="hi", stream=True))

    told = [(chunk.choices[0].text, chunk.choices[0].finish_reason) for chunk in chunks]
    assert told == [("a", None), ("b", None), ("", "stop")]
    assert [chunk.usage for chunk in chunks] == [None] * 3


@pytest.mark.parametrize(
    ("prompt", "read"),
    [
        ("hi", ["hi"]),
        (["hi", "you"], ["hi", "you"]),
        (ids_of("hi"), ["hi"]),
        ([ids_of("hi"), ids_of("you")], ["hi", "you"]),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_prompts_are_texts_or_tokens_one_or_several(prompt, read, stream):
    with running("ab") as server, server.client() as client:
        asked = client.completions.create(model=NAME, prompt=prompt, seed=3, stream=stream)
        texts = dict.fromkeys(range(len(read)), "")
        for answer in asked if stream else [asked]:
            for choice in answer.choices:
                texts[choice.index] += choice.text

    assert texts == dict.fromkeys(range(len(read)), "ab")
    assert [work.prompt for work in server.ranks.works] == [tuple(ids_of(one)) for one in read]
    assert [work.seed for work in server.ranks.works] == [3, 4][: len(read)]


@pytest.mark.parametrize("stream", [False, True])
def test_text_ends_before_a_stop_word_and_the_place_is_free(stream):
    with running("one two three four") as server, server.client() as client:
        asked = client.completions.create(
            model=NAME, prompt="hi", max_tokens=30, stop=["two f", " three"], stream=stream
        )
        answers = list(asked) if stream else [asked]
        ends = [answer.choices[0].finish_reason for answer in answers]

    assert "".join(answer.choices[0].text for answer in answers) == "one two"
    assert ends[-1] == "stop"


def test_figures_of_a_chat():
    with running("Où") as server, server.client() as client:
        answer = client.chat.completions.create(
            model=NAME, messages=HELLO, logprobs=True, top_logprobs=2
        )
        streamed = client.chat.completions.create(
            model=NAME, messages=HELLO, logprobs=True, top_logprobs=2, stream=True
        )
        parts = [
            one
            for chunk in streamed
            if chunk.choices[0].logprobs
            for one in chunk.choices[0].logprobs.content
        ]

    def entry(token, raw):
        end = {"token": "<end>", "bytes": list(b"<end>"), "logprob": -9999.0}
        likeliest = {"token": token, "bytes": list(raw), "logprob": -0.5}
        return {**likeliest, "top_logprobs": [likeliest, end]}

    wanted = [
        entry("O", b"O"),
        entry("bytes:\\xc3", b"\xc3"),
        entry("bytes:\\xb9", b"\xb9"),
    ]
    assert [one.model_dump() for one in answer.choices[0].logprobs.content] == wanted
    assert [one.model_dump() for one in parts] == wanted
    assert server.ranks.works[0].top_logprobs == 2


def test_figures_of_a_completion():
    with running("no") as server, server.client() as client:
        answer = client.completions.create(model=NAME, prompt="hi", logprobs=1)

    assert answer.choices[0].logprobs.model_dump() == {
        "tokens": ["n", "o"],
        "token_logprobs": [-0.5, -0.5],
        "top_logprobs": [{"n": -0.5}, {"o": -0.5}],
        "text_offset": [0, 1],
    }


def test_chats_take_parts_systems_and_answers_that_are_sent_back():
    with running("b") as server, server.client() as client:
        first = client.chat.completions.create(model=NAME, messages=HELLO)
        client.chat.completions.create(
            model=NAME,
            messages=[
                {"role": "developer", "content": "s"},
                {"role": "user", "content": [{"type": "text", "text": "q"}]},
                first.choices[0].message.model_dump(),
            ],
            max_completion_tokens=5,
            user="me",
            metadata={"a": "b"},
            n=1,
            presence_penalty=0,
            response_format={"type": "text"},
        )

    work = server.ranks.works[1]
    assert (work.prompt, work.max_tokens) == (tuple(ids_of("s:s;u:q;a:b;a:")), 5)


def test_without_a_seed_two_answers_differ():
    with running("b") as server:
        server.ask()
        server.ask()

    first, second = server.ranks.works
    assert first.seed != second.seed
    assert first.id != second.id


def test_the_end_can_be_ignored_and_usage_counted_in_every_chunk():
    with running("ab") as server:
        options = {"continuous_usage_stats": True, "include_usage": True}
        text = server.ask(stream=True, stream_options=options, ignore_eos=True).text

    assert server.ranks.works[0].ignore_eos
    assert text.count('"completion_tokens":1,') == 1
    assert text.count('"completion_tokens":3,') == 2


def test_many_clients_at_once_get_their_own_answers():
    def ask(server: Running, number: int) -> str:
        with server.client() as client:
            asked = client.completions.create(model=NAME, prompt=f"client {number}", stream=True)
            return "".join(chunk.choices[0].text for chunk in asked)

    def repeat(work: Work) -> list[NewToken]:
        return says(tiny_tokenizer().decode(work.prompt))(work)

    with running(repeat) as server, ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda number: ask(server, number), range(32)))

    assert answers == [f"client {number}" for number in range(32)]


def test_models_are_listed_and_described():
    with running() as server, server.client() as client:
        (model,) = client.models.list()
        assert client.models.retrieve(NAME) == model
        assert (model.id, model.object, model.owned_by) == (NAME, "model", "clusterkit")
        with pytest.raises(
            APIStatusError, match=r"there is no such model here. Fix: ask for 'tiny'"
        ):
            client.models.retrieve("org/other")
