"""Does a Docker engine answer on every machine that carries containers?"""

from __future__ import annotations

from clusterkit.checks.doctor.finding import Finding, by_text
from clusterkit.checks.doctor.install import docker_lines
from clusterkit.checks.doctor.seen import Seen
from clusterkit.facts import MachineFacts

LOOKS_AT = "Docker engine"
_NOT_ALLOWED = "sudo usermod -aG docker {user}   # then log in again"
_NOT_RUNNING = "sudo systemctl enable --now docker"


def find(seen: Seen) -> list[Finding]:
    """Where there is none, the fix is the lines that install it on that distribution."""
    if not seen.hosts:
        return [Finding("skip", (), "no machine carries containers")]
    found = []
    texts = {name: text for name, host in seen.hosts.items() if (text := _problem(host))}
    fixes = {name: _fix(seen.hosts[name]) for name in texts}
    for fix in dict.fromkeys(fixes.values()):
        group = {name: text for name, text in texts.items() if fixes[name] == fix}
        found += by_text("fail", group, fix=fix)
    well = {
        name: f"Docker {host.docker.engine_version}"
        for name, host in seen.hosts.items()
        if name not in texts and host.docker
    }
    return [*found, *by_text("pass", well)]


def _problem(host: MachineFacts) -> str | None:
    if host.docker is None or (
        host.docker.cli_version is None and host.docker.engine_version is None
    ):
        return "Docker is not installed"
    if host.docker.is_reachable:
        return None
    return f"the engine does not answer {host.user or 'this user'}: {host.docker.problem}"


def _fix(host: MachineFacts) -> str:
    if host.docker is None or host.docker.cli_version is None:
        return "\n".join(docker_lines(host))
    if "permission denied" in (host.docker.problem or "").lower():
        return _NOT_ALLOWED.format(user=host.user or "$USER")
    return _NOT_RUNNING
