# A node with a real tritonserver, from the wheel that brings one, and its Python backend: HTTP,
# gRPC, ensembles and decoupled models work without a GPU.
#
# The build's folder has the wheels; the backend's stub takes numpy 1 only.

ARG BASE=clusterkit/node-mpi:dev
FROM ${BASE}
RUN set -eu; \
    apt-get update; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libpython3.11; \
    rm -rf /var/lib/apt/lists/*
COPY wheels /tmp/wheels
RUN set -eu; \
    python=/opt/clusterkit/bin/python; \
    $python -m pip install --no-cache-dir --no-index --find-links /tmp/wheels \
        'numpy<2' 'tritonclient[grpc]'; \
    mkdir /tmp/unpacked; \
    $python -m zipfile -e /tmp/wheels/nvidia_pytriton-*.whl /tmp/unpacked; \
    mv /tmp/unpacked/pytriton/tritonserver /opt/tritonserver; \
    mv /tmp/unpacked/nvidia_pytriton.libs /opt/tritonserver/libs; \
    cd /opt/tritonserver; \
    cp python_backend_stubs/3.11/triton_python_backend_stub backends/python/; \
    chmod +x bin/tritonserver backends/python/triton_python_backend_stub; \
    rm -rf /tmp/wheels /tmp/unpacked python_backend_stubs
ENV PATH=/opt/clusterkit/bin:$PATH \
    LD_LIBRARY_PATH=/opt/tritonserver/libs
