"""What Triton's logs say is explained; the lines are those of a real server."""

from __future__ import annotations

import pytest

from clusterkit.engines.triton.known_errors import explain


@pytest.mark.parametrize(
    ("line", "begins"),
    [
        (
            "failed to start GRPC service: Unavailable - Socket '0.0.0.0:18001' already in use",
            "port 18001 is taken on that node. Fix: ",
        ),
        (
            "UNKNOWN:No address added out of total 1 resolved for '10.9.9.9:8001' {children:"
            "[UNKNOWN:Cannot assign requested address {errno:99}]}\n"
            "Socket '10.9.9.9:8001' already in use",
            "the head has no address 10.9.9.9. Fix: ",
        ),
        (
            "[libprotobuf ERROR …] Error parsing text-format inference.ModelConfig: 29:17: "
            "Expected integer, got: $",
            "a placeholder of a template was left. Fix: ",
        ),
        (
            "Invalid argument: unable to find backend library for backend 'tensorrtllm', try "
            "specifying runtime on the model configuration.",
            "this Triton has no backend `tensorrtllm`. Fix: ",
        ),
        (
            "With communicationMode kLEADER, MPI worldSize is expected to be equal to tp*pp when "
            "participantIds are not specified",
            "the engine was built for another number of ranks, or ",
        ),
        (
            "Stub process 'preprocessing_0_0' is not healthy.",
            "the Python of model preprocessing_0_0 crashed. Fix: ",
        ),
        (
            "E1120 16:11:25.569913 883 model_lifecycle.cc:642] \"failed to load 'preprocessing' "
            'version 1: Internal: SyntaxError: invalid syntax (model.py, line 20)"',
            "model preprocessing cannot be loaded: SyntaxError: invalid syntax (model.py, line "
            "20). Fix: ",
        ),
    ],
)
def test_known_lines(line: str, begins: str):
    told = explain(f"something before\n{line}\nsomething after")
    assert told is not None
    assert told.startswith(begins)


def test_other_lines_are_not_explained():
    assert explain("I0101 server.cc:241] started") is None
