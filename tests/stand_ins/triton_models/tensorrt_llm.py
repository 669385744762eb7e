"""Stands where TensorRT-LLM's backend does: only rank 0 comes back from its initialization.

It answers a prompt by the same bytes backwards, one for each token. The engine's folder may have
a file `rank1-does-not-block`, as if the ranks had not found each other, and `dies`.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import numpy
import triton_python_backend_utils as triton


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        engine = Path(config["parameters"]["gpt_model_path"]["string_value"])
        rank = os.environ["OMPI_COMM_WORLD_RANK"]
        assert (engine / f"rank{rank}.engine").is_file()
        print(f"rank {rank} takes GPU {device(int(rank), engine, config)}", flush=True)
        if (engine / "dies").exists():
            os.kill(server(), signal.SIGKILL)
        if rank != "0" and not (engine / f"rank{rank}-does-not-block").exists():
            threading.Event().wait()
        self._is_decoupled = config["model_transaction_policy"]["decoupled"]

    def execute(self, requests):
        if not self._is_decoupled:
            return [triton.InferenceResponse([output(answer(each))]) for each in requests]
        for request in requests:
            sender, ids = request.get_response_sender(), answer(request)
            parts = [ids[:, at : at + 1] for at in range(ids.shape[1])]
            for part in parts if is_streaming(request) else [ids]:
                sender.send(triton.InferenceResponse([output(part)]))
            sender.send(flags=triton.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        return None


def device(rank, engine, config):
    """As the vendor's worldConfig chooses it."""
    given = config["parameters"].get("gpu_device_ids", {}).get("string_value", "")
    described = json.loads((engine / "config.json").read_text())["pretrained_config"]
    number = described["mapping"].get("gpus_per_node", 8)
    ids = [int(each) for each in given.split(",")] if given[:1].isdigit() else range(number)
    return ids[rank % len(ids)]


def server():
    """The process of tritonserver, which is not always this one's parent."""
    return int(Path("/proc/self/cmdline").read_text().split("\0")[5])


def answer(request):
    ids = triton.get_input_tensor_by_name(request, "input_ids").as_numpy()
    wanted = triton.get_input_tensor_by_name(request, "request_output_len").as_numpy()
    return numpy.ascontiguousarray(ids[:, ::-1][:, : int(wanted.flatten()[0])])


def output(ids):
    return triton.Tensor("output_ids", ids[:, None, :])


def is_streaming(request):
    given = triton.get_input_tensor_by_name(request, "streaming")
    return given is not None and bool(given.as_numpy().flatten()[0])
