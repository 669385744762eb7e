"""Which machines have which image, in few lines."""

from __future__ import annotations

from clusterkit.results.images import ImageOnNode, ImagesResult, Push, PushedImage
from tests.unit.report.streams import shown, text

ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")


def has(node, image_id=ONE, **more):
    row = {"created": "2026-01-02T03:04:05.678Z", "size_bytes": 256 << 20} | more
    return ImageOnNode(node=node, image="a:1", id=image_id, **row)


def test_nodes_that_have_the_same_share_a_row():
    rows = (has("gpu01"), has("gpu02"), ImageOnNode(node="gpu03", image="a:1", id=None))

    assert shown(ImagesResult(cluster="lab", images=rows, took_s=0.1)) == text("""
        IMAGE  ID            NODES          SIZE  CREATED
        a:1    111111111111  gpu[01-02]  256 MiB  2026-01-02 03:04:05
        a:1    -             gpu03             -  -                    missing
        """)


def test_an_image_that_differs_is_told_and_what_runs_still():
    rows = (has("gpu01"), has("gpu02", TWO, runs=ONE))

    assert shown(ImagesResult(cluster="lab", images=rows, took_s=0.1)) == text("""
        IMAGE  ID            NODES     SIZE  CREATED
        a:1    111111111111  gpu01  256 MiB  2026-01-02 03:04:05
        a:1    222222222222  gpu02  256 MiB  2026-01-02 03:04:05  runs 111111111111
                                                                  still

        a:1 is not the same everywhere. To send one to all: images push a:1
        """)


def test_a_push_says_who_had_it_who_got_it_and_who_did_not():
    nodes = (
        PushedImage(node="gpu01", state="had it"),
        PushedImage(node="gpu02", state="loaded", sent_bytes=100 << 20),
        PushedImage(node="gpu03", state="loaded", sent_bytes=100 << 20),
        PushedImage(node="gpu04", state="failed", error="no space. Fix: free some"),
    )
    push = Push(image="a:1", id=ONE, size_bytes=256 << 20, source="controller", nodes=nodes)

    assert shown(ImagesResult(cluster="lab", push=push, took_s=12)) == text("""
        a:1 111111111111 (256 MiB): loaded on 2 machines in 12.0 s; 200 MiB sent.
        gpu01       had it
        gpu[02-03]  loaded
        gpu04       failed  no space. Fix: free some
        """)
