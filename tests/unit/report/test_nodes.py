from __future__ import annotations

from clusterkit.results.nodes import ExecResult, NodeOutput
from clusterkit.results.output import Output
from tests.unit.report.streams import shown, text


def answers(*names, **fields):
    return [NodeOutput(node=name, **({"exit_code": 0} | fields)) for name in names]


def test_equal_output_is_shown_once_below_its_nodes():
    nodes = [
        *answers("node1", "node2", "node4", stdout="Linux 6.1\nDebian 12\n"),
        *answers("node3", exit_code=2, stderr="cat: /x: No such file or directory\n"),
        *answers("node5", exit_code=None, error="unreachable: no route to host"),
    ]

    assert shown(ExecResult(nodes=tuple(nodes), took_s=0.2)) == text("""
        --- node[1-2,4] (3)
        Linux 6.1
        Debian 12
        --- node3 exit 2
        stderr: cat: /x: No such file or directory
        --- node5 unreachable: no route to host
        """)


def test_one_node_shows_its_output_as_it_is():
    line = "[red]x[/red] " + "y" * 100

    assert shown(ExecResult(nodes=tuple(answers("node1", stdout=line)), took_s=0.2)) == line + "\n"


def test_wide_folds_nothing():
    nodes = tuple(answers("node1", "node2", stdout="a\n"))

    assert shown(ExecResult(nodes=nodes, took_s=0.2), "wide") == "--- node1\na\n--- node2\na\n"


def test_output_in_pieces_is_shown_in_lines():
    blocks = (b"a\nb", b"b\n", b"", b"c")
    output = Output("digest", lambda: blocks)
    node = NodeOutput(node="node1", exit_code=1, stdout=output, stderr=output)

    assert shown(ExecResult(nodes=(node,), took_s=0.2)) == text("""
        --- node1 exit 1
        a
        bb
        c
        stderr: a
        stderr: bb
        stderr: c
        """)


def test_as_json_output_is_text():
    node = NodeOutput(node="node1", exit_code=0, stdout="a\n")

    assert node.model_dump_json() == (
        '{"node":"node1","exit_code":0,"stdout":"a\\n","stderr":"","error":null}'
    )
    assert NodeOutput.model_json_schema()["properties"]["stdout"]["type"] == "string"
