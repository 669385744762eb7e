"""Which row of the batch each slot has: rows in use are always the first ones."""

from __future__ import annotations


class Rows:
    """Slots come and go; their rows stay together, so that a step runs over few rows.

    ``lengths`` says how many tokens each row holds; a row that nobody has holds none.
    """

    def __init__(self, count: int) -> None:
        self.lengths = [0] * count
        self._row_of: dict[int, int] = {}

    def of(self, slot: int) -> int:
        """The row of ``slot``; a new one gets the first that is free."""
        return self._row_of.setdefault(slot, len(self._row_of))

    def give_back(self, slot: int) -> tuple[int, int] | None:
        """Forget ``slot``; the row whose tokens must move, and where to; None: nothing moves."""
        row = self._row_of.pop(slot, None)
        if row is None:
            return None
        last = len(self._row_of)
        if row != last:
            mover = next(other for other, its in self._row_of.items() if its == last)
            self._row_of[mover] = row
            self.lengths[row] = self.lengths[last]
        self.lengths[last] = 0
        return None if row == last else (last, row)


def batch_sizes(most: int) -> tuple[int, ...]:
    """How many rows a step may have: powers of two, and the most that there can be."""
    sizes = [1]
    while sizes[-1] * 2 < most:
        sizes.append(sizes[-1] * 2)
    return tuple(sizes) if most == 1 else (*sizes, most)


def smallest(sizes: tuple[int, ...], needed: int) -> int | None:
    """The smallest of ``sizes`` (ascending) that holds ``needed``; None: none does."""
    return next((size for size in sizes if size >= needed), None)
