# NVIDIA's TensorRT-LLM image, or any other that has TensorRT-LLM, as a node of a cluster: sshd is added
# once, here, so that a container installs nothing when it starts and needs no network for it.
# Nothing here listens and no key is inside: clusterkit puts sshd's configuration and the keys when it
# makes a container, and starts sshd itself. The base's environment (PATH, LD_LIBRARY_PATH) reaches ranks.
#
#   docker build -f images/tensorrt-llm.Dockerfile -t clusterkit/tensorrt-llm:0.16.0 \
#       --build-arg BASE=nvcr.io/nvidia/tensorrt-llm/release:0.16.0 .
#
# BASE is the image of the version that you use; all nodes must have the same. It must have Open MPI, mpi4py and
# the examples of its version (/app/tensorrt_llm/examples; elsewhere: `engine.examples` in the inventory).

ARG BASE=nvcr.io/nvidia/tensorrt-llm/release:latest
FROM ${BASE}
USER root
# A base that has sshd already needs no package mirror.
RUN set -eu; \
    packages="openssh-server openssh-client iproute2 procps"; \
    if ! dpkg-query -W $packages >/dev/null 2>&1; then \
        apt-get update; \
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages; \
        rm -rf /var/lib/apt/lists/*; \
    fi; \
    rm -f /etc/ssh/ssh_host_*; \
    mkdir -p /run/sshd
# Bases may bring a program that prints a banner and then runs the command: nodes run sshd alone.
ENTRYPOINT []
