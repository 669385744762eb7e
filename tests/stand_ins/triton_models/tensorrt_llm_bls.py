"""The other way to ask: one model that calls the three others; here it only repeats the prompt."""

from __future__ import annotations

import triton_python_backend_utils as triton


class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            text = triton.get_input_tensor_by_name(request, "text_input").as_numpy()
            sender = request.get_response_sender()
            sender.send(triton.InferenceResponse([triton.Tensor("text_output", text)]))
            sender.send(flags=triton.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
