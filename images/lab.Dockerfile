# A node of a lab: a node image, and what faults need: iptables drops packets, clock.so shows
# another time. Nothing of it is active before `clusterkit lab fault` says so.
#
#   docker build -f images/lab.Dockerfile -t clusterkit/node-lab:dev .

ARG BASE=clusterkit/node-cpu:dev
FROM ${BASE} AS compiler
RUN set -eu; \
    apt-get update; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends gcc libc6-dev
COPY images/clock.c /clock.c
RUN gcc -O2 -Wall -Werror -shared -fPIC -o /clock.so /clock.c -ldl

FROM ${BASE}
RUN set -eu; \
    if ! dpkg-query -W iptables >/dev/null 2>&1; then \
        apt-get update; \
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends iptables; \
        rm -rf /var/lib/apt/lists/*; \
    fi
COPY --from=compiler /clock.so /usr/local/lib/clusterkit-clock.so
