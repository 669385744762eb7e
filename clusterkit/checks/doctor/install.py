"""The exact lines that install Docker and the NVIDIA Container Toolkit; printed, never run.

They follow the vendors' own pages, as of November 2026:
https://docs.docker.com/engine/install/ (ubuntu, debian, rhel, centos, fedora) and
https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html
"""

from __future__ import annotations

from typing import Literal

from clusterkit.facts import MachineFacts

Family = Literal["apt", "dnf"]

_PACKAGES = "docker-ce docker-ce-cli containerd.io docker-buildx-plugin docker-compose-plugin"
_DOCKER_URL = "https://download.docker.com/linux"
_NVIDIA_URL = "https://nvidia.github.io/libnvidia-container"
_DOCKER_OF = {
    "ubuntu": "ubuntu", "debian": "debian", "raspbian": "raspbian", "fedora": "fedora",
    "centos": "centos", "rhel": "rhel", "rocky": "rhel", "almalinux": "rhel", "ol": "rhel",
}  # fmt: skip
_DOCKER_PAGE = "see https://docs.docker.com/engine/install/"
_NVIDIA_PAGE = (
    "see https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/"
    "install-guide.html"
)


def family(machine: MachineFacts) -> Family | None:
    """What the machine installs packages with; None where it is neither apt nor dnf."""
    names = {machine.os_id or "", *machine.os_id_like}
    if names & {"debian", "ubuntu"}:
        return "apt"
    return "dnf" if names & {"rhel", "fedora", "centos", "rocky", "almalinux"} else None


def docker_lines(machine: MachineFacts) -> tuple[str, ...]:
    """What installs and starts Docker Engine there."""
    repository = _repository(machine)
    if repository is None:
        return (_DOCKER_PAGE,)
    url = f"{_DOCKER_URL}/{repository}"
    if family(machine) == "apt":
        suite = '$(. /etc/os-release && echo "${UBUNTU_CODENAME:-$VERSION_CODENAME}")'
        return (
            "sudo apt-get update && sudo apt-get install -y ca-certificates curl",
            "sudo install -m 0755 -d /etc/apt/keyrings",
            f"sudo curl -fsSL {url}/gpg -o /etc/apt/keyrings/docker.asc",
            "sudo chmod a+r /etc/apt/keyrings/docker.asc",
            'echo "deb [arch=$(dpkg --print-architecture) signed-by=/etc/apt/keyrings/docker.asc] '
            f'{url} {suite} stable" | sudo tee /etc/apt/sources.list.d/docker.list',
            f"sudo apt-get update && sudo apt-get install -y {_PACKAGES}",
        )
    return (
        *_add_repository(repository, f"{url}/docker-ce.repo"),
        f"sudo dnf -y install {_PACKAGES}",
        "sudo systemctl enable --now docker",
    )


def nvidia_lines(machine: MachineFacts) -> tuple[str, ...]:
    """What installs the NVIDIA Container Toolkit and tells Docker of it; the driver is there."""
    match family(machine):
        case "apt":
            key = "/usr/share/keyrings/nvidia-container-toolkit-keyring.gpg"
            return (
                "sudo apt-get update && sudo apt-get install -y --no-install-recommends "
                "ca-certificates curl gnupg2",
                f"curl -fsSL {_NVIDIA_URL}/gpgkey | sudo gpg --dearmor -o {key}",
                f"curl -fsSL {_NVIDIA_URL}/stable/deb/nvidia-container-toolkit.list | "
                f"sed 's#deb https://#deb [signed-by={key}] https://#g' | "
                "sudo tee /etc/apt/sources.list.d/nvidia-container-toolkit.list",
                "sudo apt-get update && sudo apt-get install -y nvidia-container-toolkit",
                *RUNTIME_LINES,
            )
        case "dnf":
            return (
                f"curl -fsSL {_NVIDIA_URL}/stable/rpm/nvidia-container-toolkit.repo | "
                "sudo tee /etc/yum.repos.d/nvidia-container-toolkit.repo",
                "sudo dnf -y install nvidia-container-toolkit",
                *RUNTIME_LINES,
            )
        case _:
            return (_NVIDIA_PAGE,)


RUNTIME_LINES = (
    "sudo nvidia-ctk runtime configure --runtime=docker",
    "sudo systemctl restart docker",
)
"""What tells Docker of a toolkit that is installed."""


def _repository(machine: MachineFacts) -> str | None:
    """The name of Docker's repository for this distribution, or for the one it is made from."""
    if family(machine) is None:
        return None
    for name in (machine.os_id or "", *machine.os_id_like):
        if name in _DOCKER_OF:
            return _DOCKER_OF[name]
    return None


def _add_repository(repository: str, url: str) -> tuple[str, ...]:
    """Fedora has dnf 5, whose words for it are others."""
    if repository == "fedora":
        return (f"sudo dnf config-manager addrepo --from-repofile {url}",)
    return (
        "sudo dnf -y install dnf-plugins-core",
        f"sudo dnf config-manager --add-repo {url}",
    )
