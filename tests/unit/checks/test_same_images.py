"""Nodes that would run different images under one name."""

from __future__ import annotations

import pytest

from clusterkit.checks.same_images import check_same_images
from clusterkit.errors import ClusterkitError

ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")


@pytest.mark.parametrize(
    "images",
    [
        {},
        {"gpu01": {}},
        {"gpu01": {"a": ONE}, "gpu02": {"a": ONE}},
        {"gpu01": {"a": ONE}, "gpu02": {"b": TWO}},
        {"gpu01": {"a": ONE}, "gpu02": {}},
    ],
)
def test_what_is_the_same_or_not_known_passes(images):
    check_same_images(images)


def test_every_image_that_differs_is_told_with_who_has_which():
    images = {f"gpu0{number}": {"b": ONE, "a": ONE} for number in range(1, 5)}
    images["gpu04"] = {"b": TWO, "a": TWO}
    images["gpu05"] = {"c": TWO}

    with pytest.raises(ClusterkitError) as caught:
        check_same_images(images)

    who = "111111111111 on gpu[01-03], 222222222222 on gpu04"
    assert str(caught.value) == "\n".join(
        f"image {name} is not the same everywhere: {who}. Fix: send one to all: "
        f"`clusterkit images push {name} --inventory INVENTORY`"
        for name in ("a", "b")
    )
