from __future__ import annotations

from clusterkit.engines.transformers import Transformers
from clusterkit.events import JobStarted, Note, RankAnswer, RankStarted
from clusterkit.model.engine import EngineSettings
from clusterkit.results.infer import Answer, InferRank, InferResult
from tests.unit.report.streams import Streams, text

PARSE = Transformers(EngineSettings()).parse
ANSWER = {
    "prompt_text": "",
    "text": "",
    "token_ids": [],
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "finish_reason": "stop",
    "first_token_s": 0.1,
    "token_s": None,
    "prompt_logits": [],
}


def token(prompt, words, rank=0):
    return RankAnswer(rank, {"event": "token", "prompt": prompt, "text": words})


def answered(prompt, rank=0):
    return RankAnswer(rank, {"event": "answer", "prompt": prompt, **ANSWER})


def test_one_prompt_streams_its_text_alone():
    streams = Streams()
    with streams.printer.infer(("Capital?",), PARSE) as view:
        view(JobStarted("3f2a"))
        view(RankStarted(0, "node1", 7))
        view(token(0, "[b]Par"))
        assert streams.out == "[b]Par"
        view(token(0, "is"))
        view(answered(0))

    assert (streams.out, streams.err) == ("[b]Paris\n", "")


def test_several_prompts_have_headers_and_do_not_mix():
    streams = Streams()
    with streams.printer.infer(("Capital\nof France?", "Colour?"), PARSE) as view:
        view(token(0, "Par"))
        view(token(1, "Re"))
        view(token(0, "is."))
        assert streams.out == "> Capital\n> of France?\nParis."
        view(answered(0))
        view(token(1, "d.\n"))
        view(answered(1))

    assert streams.out == text("""
        > Capital
        > of France?
        Paris.

        > Colour?
        Red.
        """)


def test_answers_of_replicas_that_come_at_once_are_written_one_after_the_other():
    streams = Streams()
    with streams.printer.infer(("a", "b", "c", "d", "e"), PARSE) as view:
        view(token(1, "b1", rank=1))
        view(token(0, "a1 "))
        view(token(1, " b2", rank=1))
        view(token(2, "c1"))
        view(token(0, "a2"))
        view(answered(1, rank=1))
        view(token(3, "d1 ", rank=1))
        assert streams.out == "> a\na1 a2"
        view(answered(2))
        view(answered(0))
        assert streams.out == "> a\na1 a2\n\n> b\nb1 b2\n\n> c\nc1\n\n> d\nd1 "
        view(answered(4))
        view(token(3, "d2", rank=1))
        view(answered(3, rank=1))

    assert streams.out == text("""
        > a
        a1 a2

        > b
        b1 b2

        > c
        c1

        > d
        d1 d2

        > e
        """)


def test_what_was_held_back_is_written_when_the_run_breaks_off():
    streams = Streams()
    with streams.printer.infer(("a", "b"), PARSE) as view:
        view(token(1, "half"))

    assert streams.out == "> b\nhalf\n"


def test_json_streams_nothing_and_notes_go_to_stderr():
    streams = Streams("json")
    with streams.printer.infer(("a",), PARSE) as view:
        view(Note("slow network", "node2"))
        view(token(0, "Paris"))

    assert (streams.out, streams.err) == ("", "Note: node2: slow network\n")


def test_the_summary_is_one_line_on_stderr():
    result = InferResult(
        cluster="pair",
        job="3f2a",
        model="smollm2-135m",
        tp=1,
        pp=2,
        dtype="float32",
        answers=(
            Answer(
                prompt="Capital?",
                prompt_text="Capital?",
                text=" Paris.",
                token_ids=(1, 2),
                prompt_tokens=3,
                completion_tokens=8,
                finish_reason="length",
                first_token_s=0.31,
                token_s=0.084,
            ),
        ),
        load_s=6.2,
        took_s=8,
        ranks=tuple(InferRank(rank=i, node=f"node{i + 1}", device="cpu") for i in (0, 1)),
    )
    streams = Streams(width=None)
    streams.printer.infer(("Capital?",), PARSE).summary(result)

    assert (streams.out, streams.err) == (
        "",
        "2 ranks (node1 cpu, node2 cpu) · pp=2 · 8 tokens in 0.90 s · first after 0.31 s · "
        "load 6.2 s\n",
    )


def test_the_summary_leaves_out_what_the_engine_does_not_tell():
    result = InferResult(
        cluster="pair",
        job="3f2a",
        model="llama",
        tp=2,
        pp=1,
        dtype="float16",
        answers=(
            Answer(
                prompt="Capital?",
                prompt_text="<s> Capital?",
                text=" Paris.",
                token_ids=(),
                prompt_tokens=None,
                completion_tokens=None,
                finish_reason=None,
                first_token_s=None,
                token_s=None,
            ),
        ),
        load_s=None,
        took_s=8,
        ranks=tuple(InferRank(rank=i, node=f"node{i + 1}", device="unknown") for i in (0, 1)),
    )
    streams = Streams(width=None)
    streams.printer.infer(("Capital?",), PARSE).summary(result)

    assert streams.err == "2 ranks (node1, node2) · tp=2\n"


def test_the_summary_tells_of_replicas_and_of_compiling():
    def answer(first_s: float, tokens: int) -> Answer:
        return Answer(
            prompt="a",
            prompt_text="a",
            text="b",
            token_ids=tuple(range(tokens)),
            prompt_tokens=1,
            completion_tokens=tokens,
            finish_reason="length",
            first_token_s=first_s,
            token_s=0.1,
        )

    def result(ranks: int, **changed: object) -> InferResult:
        return InferResult(
            cluster="pair",
            job="3f2a",
            model="smollm2-135m",
            pp=1,
            dtype="float32",
            load_s=6.2,
            took_s=8,
            ranks=tuple(
                InferRank(rank=i, node=f"node{i + 1}", device="cpu", compile_s=10.0 + i)
                for i in range(ranks)
            ),
            **changed,
        )

    # Replica 0 answers prompts 0 and 2 together, and then 4; replica 1 answers prompts 1 and 3.
    five = tuple(answer(first_s, 11) for first_s in (1.0, 1.0, 2.0, 2.0, 1.0))
    streams = Streams(width=None)
    view = streams.printer.infer(("a",), PARSE)
    view.summary(result(2, tp=1, dp=2, batch=2, answers=five))
    view.summary(result(6, tp=3, dp=2, answers=five[:1], collectives="pytorch"))

    assert streams.err == (
        "2 ranks (node1 cpu, node2 cpu) · dp=2 · 55 tokens in 5.0 s · first after 1.0 s · "
        "load 6.2 s, of it compiling 10.0 s, 11.0 s\n"
        "6 ranks (node[1-6]) · dp=2 tp=3 · 11 tokens in 2.0 s · first after 1.0 s · "
        "load 6.2 s, of it compiling 10.0 s to 15.0 s · collectives by pytorch\n"
    )
