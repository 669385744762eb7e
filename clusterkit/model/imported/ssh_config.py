"""The hosts of an ssh configuration: every Host that is no pattern."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from getopt import GetoptError, gnu_getopt
from pathlib import Path

from clusterkit.model.base import HIGHEST_PORT
from clusterkit.model.imported.found import Found, FoundHost, Line, Remarks, whole_number
from clusterkit.model.imported.ssh_lines import Configuration, read_lines
from clusterkit.model.ssh_nodes import Access

Settings = Mapping[str, tuple[str, ...]]
"""The settings of one host by keyword, in lower case."""

LookUp = Callable[[str, Sequence[str]], Mapping[str, Settings]]
"""What a configuration without Include and Match means for each of several names."""

_TAKEN = ("hostname", "user", "port", "identityfile", "proxyjump", "proxycommand")
_SILENT = ("identitiesonly", "preferredauthentications", "pubkeyauthentication")
TRUST = ("stricthostkeychecking", "userknownhostsfile", "globalknownhostsfile", "checkhostip")
TRUST_FIX = "host keys are always verified: see `trust` of the inventory"
_KEEP = "where it is needed, keep the Host in ~/.ssh/config and write its name as `host`"


def read_ssh_config(
    file: str, text: str, remarks: Remarks, look_up: LookUp, read: Callable[[Path], str] | None
) -> Found:
    """Every host, but those through which others are reached."""
    lines = read_lines(file, text, remarks, read)
    if remarks.mistakes:
        return Found(())
    settings = look_up("\n".join(lines.text), list(lines.hosts))
    _note_settings(lines, remarks)
    hosts = [_host(name, line, settings, remarks) for name, line in lines.hosts.items()]
    through = {
        hop
        for each in settings.values()
        for jump in each.get("proxyjump", ())
        for hop in _hops(jump)
    }
    for name in through & set(lines.hosts):
        what = f"{name} is left out: others are reached through it"
        fix = "add it to `nodes` by hand, if it is to compute as well"
        remarks.note(lines.hosts[name], what, fix)
    return Found(tuple(host for host in hosts if host.name not in through))


def _note_settings(lines: Configuration, remarks: Remarks) -> None:
    for keyword, line in lines.settings:
        if keyword.lower() in TRUST:
            remarks.note(line, f"{keyword} is not taken over", TRUST_FIX)
        elif keyword.lower() not in (*_TAKEN, *_SILENT):
            remarks.note(line, f"{keyword} is not taken over", _KEEP)


def _host(name: str, line: Line, settings: Mapping[str, Settings], remarks: Remarks) -> FoundHost:
    own = settings[name]
    host, port = _one(own, "hostname"), _one(own, "port")
    keys = own.get("identityfile", ())
    if len(keys) > 1:
        what = f"of {len(keys)} key files the first is taken, {keys[0]}"
        remarks.note(line, what, "write another `key_file`, or take it out: then ssh tries all")
    return FoundHost(
        name,
        line,
        host=host if host != name else None,
        access=Access(
            user=_one(own, "user"),
            port=whole_number(port, "Port", line, remarks, most=HIGHEST_PORT) if port else None,
            key_file=keys[0] if keys else None,
            jump=_jump(name, line, settings, remarks),
        ),
    )


def _jump(name: str, line: Line, settings: Mapping[str, Settings], remarks: Remarks) -> str | None:
    """The machines on the way, with what the file says of them."""
    own = settings[name]
    if jump := _one(own, "proxyjump"):
        hops = []
        for hop in jump.split(","):
            user, alias, port = _parts(hop)
            known = settings.get(alias, {})
            user, port = user or _one(known, "user"), port or _one(known, "port")
            if alias in settings and (lost := sorted({"identityfile", "proxyjump"} & set(known))):
                what = (
                    f"{' and '.join(lost)} of {alias}, through which {name} is reached, are lost"
                )
                remarks.note(line, what, f"keep `Host {alias}` in ~/.ssh/config")
                hops.append(hop)
            else:
                host = _one(known, "hostname") or alias
                hops.append(f"{user + '@' if user else ''}{host}{':' + port if port else ''}")
        return ",".join(hops)
    if command := _one(own, "proxycommand"):
        if jump := jump_of_command(command):
            return jump
        remarks.note(line, f"the ProxyCommand of {name} is not taken over", _KEEP)
    return None


def jump_of_command(command: str) -> str | None:
    """The jump host that ``ssh -W %h:%p host`` means; None where it is another command."""
    try:
        program, *words = shlex.split(command)
        options, places = gnu_getopt(words, "qTW:p:")
    except (ValueError, GetoptError):
        return None
    given = dict(options)
    if program != "ssh" or "-W" not in given or len(places) != 1:
        return None
    return f"{places[0]}:{given['-p']}" if "-p" in given else places[0]


def _hops(jump: str) -> tuple[str, ...]:
    return tuple(_parts(hop)[1] for hop in jump.split(","))


def _parts(hop: str) -> tuple[str | None, str, str | None]:
    """User, host and port of ``[user@]host[:port]``."""
    user, _, place = hop.removeprefix("ssh://").rpartition("@")
    found = re.fullmatch(r"(\[[^\]]+\]|[^:]+)(?::(\d+))?", place)
    return user or None, found[1] if found else place, found[2] if found else None


def _one(settings: Settings, key: str) -> str | None:
    return next(iter(settings.get(key, ())), None)
