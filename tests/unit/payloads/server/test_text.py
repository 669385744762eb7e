"""Tokens become text, whole characters at a time, up to the first stop word."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from clusterkit.payloads.server.choice import Choice
from clusterkit.payloads.server.logprobs import bytes_of, name_of
from clusterkit.payloads.server.text import StopWords, TextOfTokens
from clusterkit.payloads.server.work import NewToken
from tests.unit.payloads.server.stand_in import END, ids_of, tiny_tokenizer

SPACE = "\u2581"


def spaced_tokenizer() -> Any:
    """As of Llama 2: a sign for spaces, and bytes for what has no token."""
    words = ["<unk>", f"{SPACE}Hi", f"{SPACE}there", "s", SPACE]
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    vocabulary = {word: at for at, word in enumerate([*words, *bytes_])}
    backend = Tokenizer(models.BPE(vocabulary, [], byte_fallback=True))
    backend.decoder = decoders.Sequence(
        [
            decoders.Replace(SPACE, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend)


def parts(tokenizer: Any, ids: list[int]) -> list[str]:
    text = TextOfTokens(tokenizer)
    return [*(text.add(token) for token in ids), text.rest()]


@given(st.text(max_size=40))
def test_parts_make_the_text_and_are_whole(text):
    told = parts(tiny_tokenizer(), ids_of(text))
    assert "".join(told) == text
    assert all("\ufffd" not in part for part in told) or "\ufffd" in text


def test_a_character_comes_with_its_last_byte():
    assert parts(tiny_tokenizer(), ids_of("a🦙b")) == ["a", "", "", "", "🦙", "b", ""]


def test_half_a_character_at_the_end_is_told_as_such_once():
    ids = ids_of("a🦙")[:3]
    assert parts(tiny_tokenizer(), ids) == ["a", "", "", "\ufffd"]


def test_bytes_that_are_no_text_do_not_hold_the_rest_for_ever():
    told = parts(tiny_tokenizer(), ids_of("é")[:1] * 40)
    assert len([part for part in told if part]) == 3
    assert "".join(told) == "\ufffd" * 40


def test_special_tokens_are_no_text():
    assert parts(tiny_tokenizer(), [*ids_of("a"), END, *ids_of("b")]) == ["a", "", "b", ""]


def test_spaces_between_words_stay_and_bytes_wait():
    ids = [1, 2, 3, 4, *(5 + byte for byte in "🦙".encode()), 1]
    assert parts(spaced_tokenizer(), ids) == [
        "Hi",
        " there",
        "s",
        " ",
        *["", "", "", "🦙"],
        " Hi",
        "",
    ]


def stopped(words: list[str], pieces: list[str]) -> tuple[str, bool]:
    stop, told = StopWords(words), ""
    for piece in pieces:
        told += stop.add(piece)
        if stop.found:
            return told, True
    return told + stop.rest(), False


@given(
    st.lists(st.text("ab", min_size=1, max_size=4), max_size=3),
    st.lists(st.text("abc", max_size=5), max_size=6),
)
def test_how_text_is_cut_does_not_matter_to_stop_words(words, pieces):
    text = "".join(pieces)
    told, found = stopped(words, pieces)
    assert (told, found) == stopped(words, list(text))
    assert found == any(word in text for word in words)
    assert text.startswith(told)
    assert found or told == text


@pytest.mark.parametrize(
    ("words", "pieces", "told"),
    [
        (["END"], ["aE", "N", "x"], ["a", "", "ENx"]),
        (["END"], ["aEN", "Db"], ["a", ""]),
        (["aab"], ["aaa", "b"], ["a", ""]),
        (["abb", "b"], ["abb"], ["a"]),
        ([], ["a", "b"], ["a", "b"]),
    ],
)
def test_text_is_held_back_while_it_may_be_a_stop_word(words, pieces, told):
    stop = StopWords(words)
    assert [stop.add(piece) for piece in pieces] == told


def test_figures_come_with_their_text_and_not_from_the_stop_word_on():
    choice = Choice(tiny_tokenizer(), 0, stop=["\nQ"])
    pieces = [choice.hear(NewToken(token, -1.0)) for token in ids_of("aé\n\nQ")]

    assert [piece.text for piece in pieces] == ["a", "", "é", "", "\n", ""]
    assert [[one.offset for one in piece.figures] for piece in pieces] == [
        *([0], [], [1, 1], [], [2], []),
    ]
    assert (choice.finish, choice.tokens) == ("stop", 6)


@pytest.mark.parametrize(
    ("piece", "name", "raw"),
    [
        (f"{SPACE}Hi", " Hi", b" Hi"),
        ("s", "s", b"s"),
        (SPACE, " ", b" "),
        ("<0x41>", "A", b"A"),
        ("<0xF0>", "bytes:\\xf0", b"\xf0"),
    ],
)
def test_tokens_of_a_spaced_tokenizer_have_names_and_bytes(piece, name, raw):
    tokenizer = spaced_tokenizer()
    token = tokenizer.convert_tokens_to_ids(piece)
    assert (name_of(tokenizer, token), bytes_of(tokenizer, token)) == (name, raw)


@pytest.mark.parametrize("byte", [0x00, 0x20, 0x41, 0x7F, 0x80, 0xA0, 0xAD, 0xC3, 0xFF])
def test_every_byte_of_a_byte_level_tokenizer_is_known(byte):
    tokenizer = tiny_tokenizer()
    found = {bytes_of(tokenizer, token) for token in range(256)}
    assert bytes([byte]) in found
    assert len(found) == 256
