"""A tokenizer whose tokens are bytes."""

from __future__ import annotations

import numpy
import triton_python_backend_utils as triton


class TritonPythonModel:
    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        text = triton.get_input_tensor_by_name(request, "QUERY").as_numpy().flatten()[0]
        wanted = triton.get_input_tensor_by_name(request, "REQUEST_OUTPUT_LEN").as_numpy()
        ids = numpy.frombuffer(text, dtype=numpy.uint8).astype(numpy.int32)[None]
        return triton.InferenceResponse(
            [triton.Tensor("INPUT_ID", ids), triton.Tensor("REQUEST_OUTPUT_LEN", wanted)]
        )
