"""Who has a row of the model, and what each step does."""

from __future__ import annotations

from clusterkit.payloads.server.batch import PROMPT_TOKENS, PROMPT_TOKENS_BESIDE, Batch, Row
from clusterkit.payloads.server.orders import Order
from clusterkit.payloads.server.work import NewToken, Work

CONTEXT = 1000


def row(name: str, prompt: int = 3, max_tokens: int = 5, **how: bool) -> Row:
    return Row(Work(name, tuple(range(prompt)), max_tokens, **how), lambda _: None)  # type: ignore[arg-type]


def take(each: Row, token: int) -> NewToken:
    return each.take(NewToken(token), stop_ids=[2], context=CONTEXT)


def test_a_prompt_then_its_tokens() -> None:
    batch, one = Batch(2), row("one")
    batch.add(one)

    first = batch.step()
    take(one, 7)
    second = batch.step()

    assert (first.order, first.of_prompts) == (Order(prefill=((0, (0, 1, 2)),)), (one,))
    assert (second.order, second.of_decode) == (Order(decode=((0, 7),)), (one,))


def test_those_who_came_first_have_the_rows() -> None:
    batch = Batch(2)
    rows = [row(name) for name in "abc"]
    for each in rows:
        batch.add(each)

    order = batch.step().order

    assert [slot for slot, _ in order.prefill] == [0, 1]
    assert (batch.running, batch.waiting) == (2, 1)


def test_who_leaves_gives_the_row_to_the_next_in_the_same_step() -> None:
    batch = Batch(1)
    batch.add(row("a"))
    batch.add(row("b"))
    batch.step()

    batch.drop("a")

    assert batch.step().order == Order(free=(0,), prefill=((0, (0, 1, 2)),))
    assert batch.step().order == Order()  # it is forgotten once: the row has a new owner


def test_who_leaves_before_there_is_a_row_leaves_nothing() -> None:
    batch = Batch(1)
    batch.add(row("a"))

    batch.drop("a")
    batch.drop("nobody")

    assert batch.step().order == Order()


def test_a_long_prompt_comes_in_pieces_while_others_go_on() -> None:
    batch, short, long = Batch(2), row("short"), row("long", PROMPT_TOKENS_BESIDE + 10)
    batch.add(short)
    batch.step()
    take(short, 7)
    batch.add(long)

    first, second = batch.step(), batch.step()

    assert first.order.prefill == ((1, tuple(range(PROMPT_TOKENS_BESIDE))),)
    assert (first.of_prompts, first.of_decode) == ((None,), (short,))
    assert len(second.order.prefill[0][1]) == 10
    assert second.of_prompts == (long,)


def test_a_prompt_alone_comes_in_larger_pieces() -> None:
    batch = Batch(1)
    batch.add(row("long", PROMPT_TOKENS + 10))

    assert len(batch.step().order.prefill[0][1]) == PROMPT_TOKENS


def test_why_an_answer_ends() -> None:
    assert take(row("a"), 2).finish == "stop"
    assert take(row("a", ignore_eos=True), 2).finish is None
    assert take(row("a", max_tokens=1), 7).finish == "length"
    assert take(row("a", prompt=CONTEXT - 1), 7).finish == "length"
    assert take(row("a"), 7).finish is None


def test_all_leave() -> None:
    batch = Batch(1)
    rows = [row("a"), row("b")]
    for each in rows:
        batch.add(each)
    batch.step()

    assert batch.drop_all() == rows
    assert batch.step().order == Order(free=(0,))
