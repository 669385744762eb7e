# A node that pretends to have TensorRT-LLM and GPUs: stand-ins at the places where NVIDIA's images
# have the real ones. Like these, it sets variables without which its libraries are not found.
#
# The build's folder is the repository's `tests`.

ARG BASE=clusterkit/node-mpi:dev
FROM ${BASE}
ENV PATH=/opt/clusterkit/bin:$PATH \
    LD_LIBRARY_PATH=/usr/local/tensorrt/lib:/usr/local/cuda/lib64 \
    CUDA_HOME=/usr/local/cuda \
    NOTE="says \"hello\" and \\ \$more"
COPY __init__.py /opt/stand_ins/tests/
COPY stand_ins /opt/stand_ins/tests/stand_ins
COPY golden/trtllm_flags.json /opt/stand_ins/tests/golden/
ARG VERSION
RUN set -eu; \
    mkdir -p /usr/local/tensorrt/lib /usr/local/cuda/lib64; \
    python=/opt/clusterkit/bin/python; \
    site=$($python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
    echo /opt/stand_ins > "$site/stand_ins.pth"; \
    $python -m tests.stand_ins.programs.install "$VERSION" $python "$site"
