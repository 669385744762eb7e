from __future__ import annotations

import pytest

from clusterkit.command import Command, Result
from clusterkit.errors import (
    ClusterkitError,
    CommandFailed,
    DoesNotFit,
    FileMistakes,
    NodesFailed,
    TransportError,
)
from tests.unit.report.streams import Streams, text


def said(error: ClusterkitError) -> str:
    streams = Streams()
    streams.printer.error(error)
    assert streams.out == ""
    return streams.err


def unreachable(node, reason="no route to host. Fix: look at the network"):
    return TransportError(node, reason)


def test_the_fix_has_a_line_of_its_own():
    error = DoesNotFit("4 ranks do not fit in cluster pair. Fix: ask for at most 2 ranks")

    assert said(error) == text("""
        Error: 4 ranks do not fit in cluster pair.
        Fix: ask for at most 2 ranks
        """)


def test_more_lines_are_indented():
    assert said(ClusterkitError("node1: exit 1: ls\nls: no\nls: such. Fix: look")) == text("""
        Error: node1: exit 1: ls
          ls: no
          ls: such.
        Fix: look
        """)


def test_every_mistake_has_one_line():
    problems = [
        "pair.yaml:4: nodes.node1.slots: must be at least 1. Fix: give it 1 or more",
        "pair.yaml:9: stroage: unknown key. Fix: did you mean `storage`?",
    ]

    assert said(FileMistakes(problems)) == text("""
        Error: 2 mistakes
          pair.yaml:4: nodes.node1.slots: must be at least 1. Fix: give it 1 or more
          pair.yaml:9: stroage: unknown key. Fix: did you mean `storage`?
        """)


def test_every_failing_node_has_a_line_and_a_shared_fix_is_said_once():
    failures = {"node1": unreachable("node1"), "node2": unreachable("node2")}

    assert said(NodesFailed(failures, succeeded=1)) == text("""
        Error: 2 nodes failed, others succeeded
          node1: no route to host.
          node2: no route to host.
        Fix: look at the network
        """)


def test_nodes_that_failed_differently_keep_their_fixes():
    cat = Result("node2", Command(("cat", "/x")), 1, stderr="cat: /x: No such file\nand more")
    failures = {"node1": unreachable("node1"), "node2": CommandFailed(cat)}

    assert said(NodesFailed(failures, succeeded=0)) == text("""
        Error: 2 nodes failed
          node1: no route to host.
            Fix: look at the network
          node2: exit 1: cat /x
            cat: /x: No such file
            and more
        """)


def test_many_nodes_with_one_error_share_a_line():
    failures = {f"n{number}": unreachable(f"n{number}", "no route") for number in range(64)}

    assert (
        said(NodesFailed(failures, succeeded=0)) == "Error: 64 nodes failed\n  n[0-63]: no route\n"
    )


def test_debug_adds_the_traceback():
    streams = Streams()
    with pytest.raises(DoesNotFit) as caught:
        raise DoesNotFit("too much")
    streams.printer.error(caught.value, debug=True)

    assert streams.err.startswith("Traceback (most recent call last):\n")
    assert streams.err.endswith("DoesNotFit: too much\nError: too much\n")


def test_control_codes_of_a_program_that_failed_are_shown_and_do_nothing():
    lines = "rank 0 on node1 exited with 3\n\ta\x1b[2J\x1b]0;title\x07b\x7f\x9b1m"
    error = ClusterkitError(f"{lines}. Fix: see its log")

    assert said(error) == (
        "Error: rank 0 on node1 exited with 3\n"
        "        a␛[2J␛]0;titleb␡\N{REPLACEMENT CHARACTER}1m.\n"
        "Fix: see its log\n"
    )
