from __future__ import annotations

from itertools import pairwise

from clusterkit.payloads.push_plan import Part, culprit, parts

MIB = 1 << 20
SIZES = {"common": 3 * MIB, "rank0": 8 * MIB, "rank1": 8 * MIB}
ALL = dict(SIZES)
NOTHING = dict.fromkeys(SIZES, 0)


def test_a_node_takes_all_that_it_or_a_later_one_lacks_and_passes_on_what_those_lack():
    first = {"common": 0, "rank0": 0}
    second = {"common": 0, "rank1": 0}

    assert parts(SIZES, [ALL, first, second]) == [
        [
            Part("common", None, None, 0),
            Part("rank0", None, None, 0),
            Part("rank1", None, None, 0),
        ],
        [Part("common", 0, 0, 0), Part("rank0", 0, 0, None), Part("rank1", 0, None, 0)],
        [Part("common", 0, 0, None), Part("rank1", 0, 0, None)],
    ]


def test_what_came_before_is_neither_sent_nor_taken_again():
    first = {"common": 3 * MIB, "rank0": 5 * MIB}
    second = {"common": 3 * MIB, "rank0": 2 * MIB}

    assert parts(SIZES, [ALL, first, second]) == [
        [Part("rank0", None, None, 2 * MIB)],
        [Part("rank0", 2 * MIB, 5 * MIB, 2 * MIB)],
        [Part("rank0", 2 * MIB, 2 * MIB, None)],
    ]


def test_who_has_more_than_a_later_node_passes_on_from_its_own_disk():
    first = {"common": 3 * MIB, "rank0": 8 * MIB, "rank1": 1 * MIB}

    assert parts(SIZES, [ALL, first, NOTHING]) == [
        [Part("rank1", None, None, 0)],
        [
            Part("common", None, None, 0),
            Part("rank0", None, None, 0),
            Part("rank1", 0, 1 * MIB, 0),
        ],
        [Part("common", 0, 0, None), Part("rank0", 0, 0, None), Part("rank1", 0, 0, None)],
    ]


def test_every_node_hands_the_next_what_that_takes_in_the_same_order():
    chain = [ALL, {"common": 0, "rank0": 3 * MIB}, {"rank1": 2 * MIB}, {"common": MIB}, NOTHING]
    plan = parts(SIZES, chain)

    for upper, lower in pairwise(plan):
        passed = [(part.name, part.passed) for part in upper if part.passed is not None]
        taken = [(part.name, part.taken) for part in lower if part.taken is not None]
        assert passed == taken
        assert all(
            part.begin <= min(part.kept or 1 << 40, part.passed or 1 << 40) for part in lower
        )
    for has, row in zip(chain, plan, strict=True):
        kept = {part.name: part.kept for part in row if part.kept is not None}
        assert kept == {name: done for name, done in has.items() if done < SIZES[name]}


def test_the_end_of_the_chain_takes_nothing_for_nobody():
    assert parts(SIZES, [ALL, NOTHING, ALL])[2] == []
    assert parts(SIZES, [ALL, ALL]) == [[], []]


def test_nobody_holds_the_chain_up_as_long_as_bytes_move():
    states = [{"sending": 1.0}, {"writing": 2.0, "receiving": 9.0}, {"receiving": 500.0}]

    assert culprit(states, 10.0) is None


def test_a_disk_that_hangs_is_found_before_those_who_wait_for_it():
    states = [{"sending": 11.0}, {"sending": 11.0}, {"writing": 11.0}, {"receiving": 11.0}]

    assert culprit(states, 10.0) == (2, "writing")


def test_of_those_who_cannot_send_the_last_one_shows_where_it_is_stuck():
    states = [{"sending": 12.0}, {"sending": 11.0}, {"receiving": 11.0}, {"receiving": 11.0}]

    assert culprit(states, 10.0) == (2, "link")


def test_a_node_whose_previous_one_is_done_waits_for_bytes_that_were_lost():
    assert culprit([None, {"receiving": 11.0}], 10.0) == (1, "link")
    assert culprit([None, None, {"receiving": 9.0}], 10.0) is None
    assert culprit([None, None, {"receiving": 11.0}], 10.0) == (2, "link")
