"""Open a verified SSH connection, and say what is wrong where that fails.

Fabric 3.2 never loads known_hosts and accepts any host key, so its connection is subclassed.
"""

from __future__ import annotations

import logging
import random
import shlex
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import fabric
import paramiko
from paramiko.ssh_exception import NoValidConnectionsError

from clusterkit.transports.fabric_config import fabric_config
from clusterkit.transports.host_keys import (
    ChangedHostKey,
    Pin,
    Reject,
    RevokedHostKey,
    UnknownHostKey,
)
from clusterkit.transports.known_hosts import file_with, is_revoked, is_trusted, trusted_keys
from clusterkit.transports.ssh_address import SshAddress
from clusterkit.transports.ssh_gateway import (
    BehindGateway,
    Gateway,
    GatewayFailed,
    shared_gateway,
)
from clusterkit.transports.ssh_wire import SilentPeer, Wire

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # our errors say it better

_USERS = "~/.ssh/known_hosts"
_USERS_OWN = f"{_USERS} {_USERS}2"
_MACHINES_OWN = Path("/etc/ssh/ssh_known_hosts")
_SSH_PORT = 22
_UP = "see whether `clusterkit up INVENTORY` puts the cluster's keys back"
_TURNED_AWAY_FOR_S = 3.0
_AGAIN_AFTER_S = (0.1, 0.4)
# What paramiko says of a server that takes the connection and then says nothing.
_SILENT = (
    "Error reading SSH protocol banner",
    "No existing session",
    "Timeout opening channel",
    "Authentication timeout",
)
# What it says where it has no key to offer.
_KEYLESS = "No authentication methods available"


class TurnedAway(Exception):
    """sshd closes the connection before it says a word: too many log in at this moment."""


class VerifiedConnection(fabric.Connection):  # type: ignore[misc]  # Fabric has no types
    """A Fabric connection that trusts the keys in known_hosts, and no other."""

    # Fabric's own writes what is no attribute yet into its configuration, which all share here.
    __setattr__ = object.__setattr__

    def __init__(self, address: SshAddress, through: VerifiedConnection | None = None) -> None:
        own = address.known_hosts is not None
        keys: dict[str, Any] = {
            "transport_factory": Wire,
            "banner_timeout": address.connect_timeout_s,
            "auth_timeout": address.connect_timeout_s,
        }
        if address.key_file is not None:
            keys |= {
                "key_filename": str(address.key_file),
                "look_for_keys": False,
                "allow_agent": False,
            }
        self._set(address=address)  # Fabric asks for the gateway while it is being made
        super().__init__(
            address.host,
            address.user,
            address.port,
            config=fabric_config(with_ssh_configs=not own),
            gateway=through,
            connect_kwargs=keys,
        )
        self.connect_timeout = address.connect_timeout_s  # its argument loses fractions
        if address.key_file is not None:  # Fabric adds those of ~/.ssh/config
            self.connect_kwargs["key_filename"] = str(address.key_file)
        if self.ssh_config.get("identitiesonly") == "yes":  # Fabric reads the files only
            self.connect_kwargs.update(look_for_keys=False, allow_agent=False)
        self._trust(address)

    def open(self) -> Any:
        """Connect; once more where sshd turns us away, as it does by chance when many come."""
        until = time.monotonic() + min(_TURNED_AWAY_FOR_S, self.address.connect_timeout_s)
        while True:
            began = time.monotonic()
            try:
                return self._open_once()
            except (paramiko.SSHException, ConnectionResetError) as error:
                took_s = time.monotonic() - began
                if not _is_turned_away(error, took_s, self.address):
                    raise
                self.client.close()
                if time.monotonic() > until:
                    raise TurnedAway from error
            time.sleep(random.uniform(*_AGAIN_AFTER_S))  # noqa: S311 - so that not all come at once

    def _open_once(self) -> Any:
        """A machine whose key is replaced has two of one type; paramiko takes one."""
        try:
            return super().open()
        except paramiko.BadHostKeyException as error:
            name, key = self._named_in_files(), error.key
            files = self._known_hosts(self.address)
            if not is_trusted(name, key, files):
                file = file_with(name, error.expected_key, files) or files[0]
                raise ChangedHostKey(name, file, error.expected_key, key) from error
            self.client.close()
            self.client.get_host_keys().add(self._known_as(), key.get_name(), key)
            return super().open()

    def get_gateway(self) -> Gateway | str | None:
        """The machine through which this one is reached; Fabric's own would trust any key."""
        address: SshAddress = self.address
        through = address.jump or self.ssh_config.get("proxyjump", "none")
        if through == "none":
            command: str | None = self.ssh_config.get("proxycommand")
            return None if command in (None, "none") else command
        before, _, last = through.rpartition(",")
        hop = self.derive_shorthand(last)
        if (hop["host"], hop["port"] or self.port) == (self.original_host, self.port):
            return None  # `Host *` with ProxyJump means the others
        return shared_gateway(
            replace(
                address,
                host=hop["host"],
                port=hop["port"],
                user=hop["user"],
                key_file=None,
                jump=before or None,
            ),
            VerifiedConnection,
        )

    def open_gateway(self) -> Any:
        """A channel through the gateway; what fails there must not be told of this machine."""
        if isinstance(self.gateway, Gateway):
            return self.gateway.channel(self.host, int(self.port), self.connect_timeout)
        try:
            return super().open_gateway()
        except Exception as error:
            if isinstance(self.gateway, VerifiedConnection):
                raise GatewayFailed(self.gateway.address, error) from error
            raise

    def _trust(self, address: SshAddress) -> None:
        """Let the client know the keys of this host, and of no other."""
        name, files = self._named_in_files(), self._known_hosts(address)

        def revoked(key: paramiko.PKey) -> bool:
            return is_revoked(name, key, files)

        pins = address.pins if address.accept_new else None
        policy: Any = Pin(name, pins, revoked) if pins else Reject(revoked)
        self.client.set_missing_host_key_policy(policy)
        for key in trusted_keys(name, files):
            self.client.get_host_keys().add(self._known_as(), key.get_name(), key)

    def _named_in_files(self) -> str:
        """This machine's name in a known_hosts; ~/.ssh/config may give it another."""
        alias: str | None = self.ssh_config.get("hostkeyalias")
        return alias or self._known_as()

    def _known_as(self) -> str:
        """This machine's name as paramiko looks its keys up."""
        return self.host if self.port == _SSH_PORT else f"[{self.host}]:{self.port}"

    def _known_hosts(self, address: SshAddress) -> list[Path]:
        if address.known_hosts is not None:
            return [address.known_hosts]
        users = self.ssh_config.get("userknownhostsfile", _USERS_OWN).split()
        files = [*(Path(file).expanduser() for file in users), _MACHINES_OWN]
        files += [address.pins] if address.pins else []
        return [file for file in files if file.exists()]


def explain(error: BaseException, address: SshAddress) -> str:
    """Why the connection did not come to be, and what to do about it.

    Where the address has a known_hosts of its own, it is a cluster's, whose keys ``up`` mends.
    """
    own = address.known_hosts is not None
    trusted = address.known_hosts or _USERS
    match error:
        case GatewayFailed(gateway=gateway, cause=cause):
            return f"{address} is reached through {gateway}: {explain(cause, gateway)}"
        case BehindGateway(gateway=gateway):
            return (
                f"{address} cannot be reached from {gateway}. "
                "Fix: start sshd there, or correct the address, the port or the jump host"
            )
        case UnknownHostKey(key=key):
            fix = f"compare it with the machine's own, then add it to {trusted}"
            return (
                f"the host key of {address} is not known: {_name(key)}. Fix: {_UP if own else fix}"
            )
        case RevokedHostKey(key=key):
            return f"the host key of {address} is revoked: {_name(key)}. Fix: give it a new one"
        case ChangedHostKey(name=name, file=file, expected=expected, offered=offered):
            users = file == Path(_USERS).expanduser()
            where = "" if users else f"-f {shlex.quote(str(file))} "
            anew = f"if the machine was made anew, `ssh-keygen {where}-R {shlex.quote(name)}`"
            return (
                f"the host key of {address} has changed: {_USERS if users else file} has "
                f"{_name(expected)}, the machine offers {_name(offered)}. "
                f"Fix: {_UP if own else anew}; if not, somebody else answers in its place"
            )
        case SilentPeer():
            return f"{address} stopped answering: {error}. Fix: look at that machine"
        case TurnedAway():
            return (
                f"{address} takes connections and closes them at once. Fix: raise MaxStartups "
                "in its sshd_config, or correct the port"
            )
        case _ if is_silence(error):
            return (
                f"{address} did not answer within {address.connect_timeout_s:g} s. "
                "Fix: correct the address, or let the connection through the firewall"
            )
        case paramiko.AuthenticationException():
            user = address.user or "the user"
            key_file = address.key_file or "any of the user's keys"
            fix = f"add the public key to ~/.ssh/authorized_keys of {user} there"
            return f"{address} does not let {user} in with {key_file}. Fix: {_UP if own else fix}"
        case paramiko.SSHException() if str(error) == _KEYLESS:
            return (
                f"there is no key to log in to {address} with. Fix: give one to ssh-agent, or "
                "name it: IdentityFile in ~/.ssh/config or, but for a jump host, `key_file`"
            )
        case paramiko.ChannelException(code=1):  # administratively prohibited, as RFC 4254 has it
            return (
                f"{address} lets nobody through to other places. Fix: `AllowTcpForwarding local` "
                "in its sshd_config, and no such restriction on the key there"
            )
        case ConnectionRefusedError() | NoValidConnectionsError():
            return (
                f"{address} refused the connection. "
                "Fix: start sshd there, or correct the address or the port"
            )
        case socket.gaierror():
            return f"the name {address.host} is not known. Fix: correct the address"
        case FileNotFoundError(filename=name):
            return f"{name} does not exist. Fix: correct the path, or make the file"
        case _:
            what = str(error) or type(error).__name__
            return f"SSH to {address} failed: {what}. Fix: look into the log of sshd there"


def why_broken(transport: Any, error: Exception) -> Exception:
    """What really ended a connection, of which paramiko says only that it has ended."""
    return SilentPeer() if getattr(transport, "is_silent", False) else error


def is_silence(error: BaseException) -> bool:
    """Whether the other side said nothing for as long as it was waited for."""
    if isinstance(error, GatewayFailed):
        return is_silence(error.cause)
    return isinstance(error, TimeoutError | SilentPeer) or str(error).startswith(_SILENT)


def _is_turned_away(error: BaseException, took_s: float, address: SshAddress) -> bool:
    """Closed at once; what paramiko says is the same where a server says nothing."""
    if isinstance(error, ConnectionResetError):
        return True
    return str(error).startswith(_SILENT[0]) and took_s < address.connect_timeout_s / 2


def _name(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.fingerprint}"
