"""How ``fix`` is told: nodes that are alike once, and each one with its lines."""

from __future__ import annotations

import io

from clusterkit.report.console import Printer
from clusterkit.results.fix import FixedFile, FixedNode, FixResult

FILES = (
    FixedFile(path="/p/mapping.py", state="patched", lines=(43, 497), gpus_per_node=1),
    FixedFile(path="/p/runtime/model_runner_cpp.py", state="nothing to patch"),
)
RESULT = FixResult(
    cluster="pair",
    action="apply",
    nodes=(
        FixedNode(node="gpu01", package="/p", version="1.2.0", files=FILES, note="engines tell"),
        FixedNode(node="gpu02", package="/p", version="1.2.0", files=FILES, note="engines tell"),
        FixedNode(node="gpu03", error="/opt/python has no tensorrt_llm. Fix: give its folder"),
    ),
    took_s=0.5,
)


def shown(output: str) -> str:
    out = io.StringIO()
    Printer(output, stdout=out, stderr=io.StringIO()).result(RESULT)  # type: ignore[arg-type]
    return out.getvalue()


def test_nodes_that_are_alike_are_told_once() -> None:
    assert shown("text") == (
        "NODES       VERSION  FILE                            STATE             GPUS\n"
        "gpu[01-02]  1.2.0    /p/mapping.py                   patched              1\n"
        "gpu[01-02]  1.2.0    /p/runtime/model_runner_cpp.py  nothing to patch     -\n"
        "\n"
        "note gpu[01-02]  engines tell\n"
        "! gpu03          /opt/python has no tensorrt_llm. Fix: give its folder\n"
    )


def test_wide_tells_the_lines_of_each_node() -> None:
    assert shown("wide") == (
        "NODES  VERSION  FILE                            STATE             GPUS  LINES\n"
        "gpu01  1.2.0    /p/mapping.py                   patched              1  43, 497\n"
        "gpu01  1.2.0    /p/runtime/model_runner_cpp.py  nothing to patch     -  -\n"
        "gpu02  1.2.0    /p/mapping.py                   patched              1  43, 497\n"
        "gpu02  1.2.0    /p/runtime/model_runner_cpp.py  nothing to patch     -  -\n"
        "\n"
        "note gpu[01-02]  engines tell\n"
        "! gpu03          /opt/python has no tensorrt_llm. Fix: give its folder\n"
    )
