# A node of a lab: a node image, and what faults need: iptables drops packets, libfaketime shows
# another time. Nothing of it is active before `clusterkit lab fault` says so.
#
#   docker build -f images/lab.Dockerfile -t clusterkit/node-lab:dev .

ARG BASE=clusterkit/node-cpu:dev
FROM ${BASE}
RUN set -eu; \
    packages="iptables libfaketime"; \
    if ! dpkg-query -W $packages >/dev/null 2>&1; then \
        apt-get update; \
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages; \
        rm -rf /var/lib/apt/lists/*; \
    fi
