"""Can containers have the GPUs of their machines? Docker needs NVIDIA's toolkit for it."""

from __future__ import annotations

from clusterkit.checks.doctor.finding import Finding, by_text
from clusterkit.checks.doctor.install import RUNTIME_LINES, nvidia_lines
from clusterkit.checks.doctor.seen import Seen
from clusterkit.facts import MachineFacts

LOOKS_AT = "NVIDIA in containers"
_DRIVER = (
    "install the NVIDIA driver: `sudo ubuntu-drivers install` on Ubuntu, else see "
    "https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/"
)


def find(seen: Seen) -> list[Finding]:
    """Where it is missing, the fix is the lines that install it on that distribution."""
    with_gpus = {name: host for name, host in seen.hosts.items() if host.gpus_on_bus or host.gpus}
    if not with_gpus:
        why = (
            "no machine of containers has GPUs" if seen.hosts else "no machine carries containers"
        )
        return [Finding("skip", tuple(seen.hosts), why)]
    problems = {name: its for name, host in with_gpus.items() if (its := _problem(host))}
    found = []
    for text, fix in dict.fromkeys(problems.values()):
        group = {name: text for name, its in problems.items() if its == (text, fix)}
        found += by_text("fail", group, fix=fix)
    well = {
        name: f"toolkit {host.nvidia_container_toolkit or '(version unknown)'}"
        for name, host in with_gpus.items()
        if name not in problems
    }
    return [*found, *by_text("pass", well)]


def _problem(host: MachineFacts) -> tuple[str, str] | None:
    """What is missing, and what installs it."""
    if not host.gpus:
        return "a GPU on the PCI bus, and no driver that shows it", _DRIVER
    if host.docker and host.docker.has_nvidia_runtime:
        return None
    if host.nvidia_container_toolkit:
        return "Docker does not know the NVIDIA runtime", "\n".join(RUNTIME_LINES)
    return "the NVIDIA Container Toolkit is not installed", "\n".join(nvidia_lines(host))
