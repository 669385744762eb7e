"""Which host keys a machine may have."""

from __future__ import annotations

import os
from pathlib import Path

import paramiko
import pytest

from clusterkit.transports.known_hosts import trusted_keys

ONE, TWO = paramiko.ECDSAKey.generate(), paramiko.ECDSAKey.generate()
OTHER_TYPE = paramiko.ECDSAKey.generate(bits=384)


def line(names: str, key: paramiko.PKey) -> str:
    return f"{names} {key.get_name()} {key.get_base64()} a comment"


def trusted(tmp_path: Path, name: str, *lines: str) -> list[str]:
    file = tmp_path / "known_hosts"
    file.write_text("".join(f"{text}\n" for text in lines))
    return [key.fingerprint for key in trusted_keys(name, [file])]


def test_a_name_an_address_and_a_port_of_its_own(tmp_path: Path) -> None:
    lines = [line("gpu1,10.0.0.1", ONE), line("[gpu1]:2222", TWO)]

    assert trusted(tmp_path, "gpu1", *lines) == [ONE.fingerprint]
    assert trusted(tmp_path, "10.0.0.1", *lines) == [ONE.fingerprint]
    assert trusted(tmp_path, "[gpu1]:2222", *lines) == [TWO.fingerprint]
    assert trusted(tmp_path, "gpu10", *lines) == []


def test_names_are_the_same_in_capitals(tmp_path: Path) -> None:
    assert trusted(tmp_path, "GPU1", line("gpu1", ONE)) == [ONE.fingerprint]
    assert trusted(tmp_path, "gpu1", line("GPU1", ONE)) == [ONE.fingerprint]


def test_hashed_names(tmp_path: Path) -> None:
    hashed = paramiko.HostKeys.hash_host("[gpu1]:2222")

    assert trusted(tmp_path, "[gpu1]:2222", line(hashed, ONE)) == [ONE.fingerprint]
    assert trusted(tmp_path, "gpu1", line(hashed, ONE)) == []


def test_patterns_and_exceptions_from_them(tmp_path: Path) -> None:
    some = line("gpu?.lab,!gpu9.lab,[*.lab]:2222", ONE)

    assert trusted(tmp_path, "gpu1.lab", some) == [ONE.fingerprint]
    assert trusted(tmp_path, "gpu9.lab", some) == []
    assert trusted(tmp_path, "gpu10.lab", some) == []
    assert trusted(tmp_path, "[any.lab]:2222", some) == [ONE.fingerprint]


def test_one_key_of_each_type_and_the_first_of_them(tmp_path: Path) -> None:
    lines = [line("gpu1", ONE), line("gpu1", OTHER_TYPE), line("gpu1", TWO)]

    assert trusted(tmp_path, "gpu1", *lines) == [ONE.fingerprint, OTHER_TYPE.fingerprint]


def test_a_revoked_key_is_not_trusted_wherever_it_is_revoked(tmp_path: Path) -> None:
    lines = [line("gpu1", ONE), line("gpu1", TWO), line("@revoked *", ONE)]

    assert trusted(tmp_path, "gpu1", *lines) == [TWO.fingerprint]

    machines = tmp_path / "ssh_known_hosts"
    machines.write_text(line("@revoked gpu1", TWO))
    users = tmp_path / "known_hosts"
    assert trusted_keys("gpu1", [users, machines]) == []


def test_what_cannot_be_read_as_a_key_is_passed_over(tmp_path: Path) -> None:
    lines = [
        "# a comment",
        "",
        "gpu1",
        "gpu1 ssh-ed25519 %%%",
        "gpu1 ssh-ed25519 AAAA",
        "gpu1 ssh-dss AAAAB3NzaC1kc3MAAACB",
        f"@cert-authority gpu1 ssh-ed25519 {TWO.get_base64()}",
        "|1|%%%|%%% ssh-ed25519 AAAA",
        line("gpu1", ONE),
    ]

    assert trusted(tmp_path, "gpu1", *lines) == [ONE.fingerprint]


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    assert trusted(tmp_path, "gpu1", line("gpu1", ONE)) == [ONE.fingerprint]
    assert trusted(tmp_path, "gpu1", line("gpu1", TWO)) == [TWO.fingerprint]

    file = tmp_path / "known_hosts"
    old = file.stat()
    new = tmp_path / "new"
    new.write_text(line("gpu1", ONE) + "\n")
    os.utime(new, ns=(old.st_atime_ns, old.st_mtime_ns))
    new.replace(file)
    assert [key.fingerprint for key in trusted_keys("gpu1", [file])] == [ONE.fingerprint]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        trusted_keys("gpu1", [tmp_path / "known_hosts"])
