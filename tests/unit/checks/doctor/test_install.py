from __future__ import annotations

import subprocess

import pytest

from clusterkit.checks.doctor.install import docker_lines, nvidia_lines
from clusterkit.facts import MachineFacts

DOCKER = "docker-ce docker-ce-cli containerd.io docker-buildx-plugin docker-compose-plugin"
UBUNTU = MachineFacts("u", os_id="ubuntu", os_id_like=("debian",), os_version_id="24.04")
MINT = MachineFacts("m", os_id="linuxmint", os_id_like=("ubuntu", "debian"))
DEBIAN = MachineFacts("d", os_id="debian", os_version_id="12")
RHEL = MachineFacts("r", os_id="rhel", os_id_like=("fedora",), os_version_id="9.4")
ROCKY = MachineFacts("o", os_id="rocky", os_id_like=("rhel", "centos", "fedora"))
CENTOS = MachineFacts("c", os_id="centos", os_id_like=("rhel", "fedora"))
FEDORA = MachineFacts("f", os_id="fedora", os_version_id="41")
ARCH = MachineFacts("a", os_id="arch")


@pytest.mark.parametrize(
    ("machine", "repository"), [(UBUNTU, "ubuntu"), (MINT, "ubuntu"), (DEBIAN, "debian")]
)
def test_docker_with_apt(machine: MachineFacts, repository: str):
    url = f"https://download.docker.com/linux/{repository}"
    assert docker_lines(machine) == (
        "sudo apt-get update && sudo apt-get install -y ca-certificates curl",
        "sudo install -m 0755 -d /etc/apt/keyrings",
        f"sudo curl -fsSL {url}/gpg -o /etc/apt/keyrings/docker.asc",
        "sudo chmod a+r /etc/apt/keyrings/docker.asc",
        'echo "deb [arch=$(dpkg --print-architecture) signed-by=/etc/apt/keyrings/docker.asc] '
        f'{url} $(. /etc/os-release && echo "${{UBUNTU_CODENAME:-$VERSION_CODENAME}}") stable" '
        "| sudo tee /etc/apt/sources.list.d/docker.list",
        f"sudo apt-get update && sudo apt-get install -y {DOCKER}",
    )


@pytest.mark.parametrize(
    ("machine", "repository"), [(RHEL, "rhel"), (ROCKY, "rhel"), (CENTOS, "centos")]
)
def test_docker_with_dnf(machine: MachineFacts, repository: str):
    assert docker_lines(machine) == (
        "sudo dnf -y install dnf-plugins-core",
        "sudo dnf config-manager --add-repo "
        f"https://download.docker.com/linux/{repository}/docker-ce.repo",
        f"sudo dnf -y install {DOCKER}",
        "sudo systemctl enable --now docker",
    )


def test_docker_on_fedora():
    assert docker_lines(FEDORA)[0] == (
        "sudo dnf config-manager addrepo --from-repofile "
        "https://download.docker.com/linux/fedora/docker-ce.repo"
    )


def test_the_toolkit():
    key = "/usr/share/keyrings/nvidia-container-toolkit-keyring.gpg"
    url = "https://nvidia.github.io/libnvidia-container"
    then = (
        "sudo nvidia-ctk runtime configure --runtime=docker",
        "sudo systemctl restart docker",
    )
    assert nvidia_lines(DEBIAN) == (
        "sudo apt-get update && sudo apt-get install -y --no-install-recommends "
        "ca-certificates curl gnupg2",
        f"curl -fsSL {url}/gpgkey | sudo gpg --dearmor -o {key}",
        f"curl -fsSL {url}/stable/deb/nvidia-container-toolkit.list | "
        f"sed 's#deb https://#deb [signed-by={key}] https://#g' | "
        "sudo tee /etc/apt/sources.list.d/nvidia-container-toolkit.list",
        "sudo apt-get update && sudo apt-get install -y nvidia-container-toolkit",
        *then,
    )
    assert nvidia_lines(ROCKY) == (
        f"curl -fsSL {url}/stable/rpm/nvidia-container-toolkit.repo | "
        "sudo tee /etc/yum.repos.d/nvidia-container-toolkit.repo",
        "sudo dnf -y install nvidia-container-toolkit",
        *then,
    )


def test_other_distributions_are_sent_to_the_vendors_pages():
    assert docker_lines(ARCH) == ("see https://docs.docker.com/engine/install/",)
    assert nvidia_lines(ARCH)[0].startswith("see https://docs.nvidia.com/")


@pytest.mark.parametrize("machine", [UBUNTU, DEBIAN, RHEL, FEDORA])
def test_every_line_is_one_that_a_shell_takes(machine: MachineFacts):
    for line in (*docker_lines(machine), *nvidia_lines(machine)):
        subprocess.run(["bash", "-n", "-c", line], check=True)
