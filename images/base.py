"""The image that node images start from: Debian's own, or one made from Debian's packages.

    python images/base.py    prints the image's name

Where an image registry can be reached, or the image is here already, that is `debian:12-slim`.
Elsewhere debootstrap makes the same system from Debian's packages; such a base also knows how pip
finds packages on this machine, so that one Dockerfile serves both.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pip_settings

DEBIAN = "debian:12-slim"
SUITE = "bookworm"
PACKAGES = (
    "openssh-server",
    "openssh-client",
    "python3",
    "python3-venv",
    "iproute2",
    "procps",
    "ca-certificates",
)
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"  # where Debian's programs look


def base_image() -> str:
    """Return the name of a base image that the Docker engine has; make it where needed."""
    chosen = os.environ.get("CLUSTERKIT_BASE_IMAGE", DEBIAN)
    if image_exists(chosen):
        return chosen
    pull = subprocess.run(["docker", "pull", "--quiet", chosen], capture_output=True, text=True)
    if pull.returncode == 0:
        return chosen
    if chosen != DEBIAN:
        sys.exit(f"base image {chosen}: {pull.stderr.strip()}. Fix: unset CLUSTERKIT_BASE_IMAGE.")
    return made_from_packages(why=pull.stderr.strip())


def image_exists(name: str) -> bool:
    """Say whether the Docker engine has the image."""
    return (
        subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode == 0
    )


def made_from_packages(*, why: str) -> str:
    """Make the base image with debootstrap, unless one of the same content is here."""
    pip_conf = pip_settings.for_other_machines(CERTIFICATES)
    trusted = pip_settings.certificates()
    content = hashlib.sha256("\n".join((SUITE, *PACKAGES, pip_conf)).encode())
    content.update(trusted.read_bytes() if trusted else b"")
    name = f"clusterkit/base:{content.hexdigest()[:12]}"
    if image_exists(name):
        return name
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        sys.exit(
            f"{DEBIAN} cannot be pulled ({why}), and making one from Debian's packages needs "
            "root and debootstrap. Fix: pull or load the image, or set CLUSTERKIT_BASE_IMAGE."
        )
    with tempfile.TemporaryDirectory(prefix="clusterkit-base-") as folder:
        root = Path(folder, "root")
        debootstrap(root)
        (root / "etc/pip.conf").write_text(pip_conf)
        if trusted:
            shutil.copyfile(trusted, root / CERTIFICATES.removeprefix("/"))
        import_folder(root, name)
    return name


def debootstrap(root: Path) -> None:
    """Fill a folder with a minimal Debian."""
    argv = [
        "debootstrap",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        SUITE,
        str(root),
    ]
    for attempt in range(
        1, 4
    ):  # a mirror that answers late is common; a second try usually passes
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode == 0:
            break
        sys.stderr.write(
            f"debootstrap, attempt {attempt} of 3:\n{done.stdout[-2000:]}{done.stderr}\n"
        )
        shutil.rmtree(root, ignore_errors=True)
    else:
        sys.exit("debootstrap failed three times. Fix: see its output above.")
    for unwanted in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
        shutil.rmtree(root / unwanted, ignore_errors=True)
    (root / "var/cache/apt/archives/partial").mkdir(parents=True)
    (root / "var/lib/apt/lists/partial").mkdir(parents=True)
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()


def import_folder(root: Path, name: str) -> None:
    """Give the engine the folder as an image."""
    tar = subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE)
    subprocess.run(
        ["docker", "import", "-", name], stdin=tar.stdout, check=True, capture_output=True
    )
    if tar.wait() != 0:
        sys.exit(f"tar of {root} ended with {tar.returncode}.")


if __name__ == "__main__":
    sys.stdout.write(f"{base_image()}\n")
