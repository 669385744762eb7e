"""Run a program that hears nothing of networks which come and go: `python FILE PROGRAM WORD…`.

Chromium drops every request, those to this machine too, when an interface changes
(ERR_NETWORK_CHANGED), and tests beside it make networks all the time. It hears of them by a
netlink socket; a system-call filter refuses it that, and it then takes the network as it is.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

_SOCKET_CALL = {"x86_64": 41, "aarch64": 198}[platform.machine()]
_AF_NETLINK = 16
_REFUSED = 0x00050000 | 97  # SECCOMP_RET_ERRNO with EAFNOSUPPORT
_ALLOWED = 0x7FFF0000
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2


def main() -> None:
    """Refuse netlink sockets, then become the program."""
    steps = [
        (_LOAD, 0, 0, 0),  # the call's number
        (_JUMP_IF_EQUAL, 0, 3, _SOCKET_CALL),
        (_LOAD, 0, 0, 16),  # its first argument
        (_JUMP_IF_EQUAL, 0, 1, _AF_NETLINK),
        (_RETURN, 0, 0, _REFUSED),
        (_RETURN, 0, 0, _ALLOWED),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(
        struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    )
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    for words in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program), 0, 0),
    ):
        if prctl(*words) != 0:
            raise OSError(ctypes.get_errno(), "no system-call filter")
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - it is to stay this process


main()
