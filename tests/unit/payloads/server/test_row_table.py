from __future__ import annotations

import pytest

from clusterkit.payloads.server.row_table import Rows, batch_sizes, smallest


def test_rows_in_use_stay_the_first_ones():
    rows = Rows(4)
    assert [rows.of(slot) for slot in (7, 2, 9, 2)] == [0, 1, 2, 1]
    rows.lengths[:3] = [5, 6, 7]

    assert rows.give_back(7) == (2, 0)

    assert ([rows.of(slot) for slot in (9, 2)], rows.lengths) == ([0, 1], [7, 6, 0, 0])
    assert rows.of(7) == 2


def test_nothing_moves_when_the_last_row_goes_or_one_that_nobody_has():
    rows = Rows(2)
    rows.lengths[rows.of(0)], rows.lengths[rows.of(1)] = 3, 4

    assert (rows.give_back(1), rows.give_back(1), rows.lengths) == (None, None, [3, 0])
    assert (rows.give_back(0), rows.lengths) == (None, [0, 0])


@pytest.mark.parametrize(
    ("most", "sizes"),
    [
        (1, (1,)),
        (2, (1, 2)),
        (6, (1, 2, 4, 6)),
        (16, (1, 2, 4, 8, 16)),
        (17, (1, 2, 4, 8, 16, 17)),
    ],
)
def test_sizes_of_steps_are_powers_of_two_and_the_most(most: int, sizes: tuple[int, ...]):
    assert batch_sizes(most) == sizes
    assert [smallest(sizes, needed) for needed in (1, most, most + 1)] == [1, most, None]
