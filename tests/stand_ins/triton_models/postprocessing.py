"""Tokens, which are bytes, back to text."""

from __future__ import annotations

import numpy
import triton_python_backend_utils as triton


class TritonPythonModel:
    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        ids = triton.get_input_tensor_by_name(request, "TOKENS_BATCH").as_numpy()
        text = numpy.array([bytes(ids.flatten().astype(numpy.uint8).tolist())], dtype=object)
        return triton.InferenceResponse([triton.Tensor("OUTPUT", text)])
