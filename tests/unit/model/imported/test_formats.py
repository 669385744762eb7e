from __future__ import annotations

import pytest

from clusterkit.errors import UsageError
from clusterkit.model.imported.formats import detect


@pytest.mark.parametrize(
    ("file", "text", "kind"),
    [
        ("hosts", "gpu1 slots=8\n", "hostfile"),
        ("hosts", "# x\ngpu1:8\ngpu2:8\n", "hostfile"),
        ("hosts", "gpu1\ngpu2\n", "hostfile"),
        ("hosts", "host slots=4\n", "hostfile"),
        ("hosts", "gpu[01-04]:8\n", "hostfile"),
        ("hosts", "gpu[01-04] slots=8\n", "hostfile"),
        ("config", "Host gpu1\n  HostName 10.0.0.1\n", "ssh-config"),
        ("config", "# mine\n\nhost = gpu1\n  user x\n", "ssh-config"),
        ("/home/me/.ssh/config", "User me\n", "ssh-config"),
        ("/etc/ssh/ssh_config", "Include ssh_config.d/*.conf\n", "ssh-config"),
        ("hosts", "[gpu]\ngpu1\n", "ansible"),
        ("hosts.ini", "gpu1 ansible_host=10.0.0.1\n", "ansible"),
        ("hosts", "gpu[01:04]\n", "ansible"),
        ("hosts.yml", "all:\n  hosts:\n    gpu1:\n", "ansible"),
        ("hosts", "---\nall:\n", "ansible"),
        ("hosts.json", '{"all": {"hosts": {}}}', "ansible"),
        ("slurm.conf", "Include nodes.conf\n", "slurm"),
        ("nodes.conf", "# x\nNodeName=a CPUs=2\n", "slurm"),
        ("stdin", "NodeName=a Arch=x86_64\n   CPUTot=2\n", "slurm"),
        ("stdin", "Fri Nov 20\nNODELIST NODES PARTITION STATE\na 1 p* idle\n", "slurm"),
        ("stdin", "PARTITION AVAIL TIMELIMIT NODES STATE NODELIST\n", "slurm"),
        ("stdin", "gpu[01-16,20]\n", "slurm"),
        ("stdin", "gpu[01-16,20],cpu1\n", "slurm"),
    ],
)
def test_files_tell_what_they_are(file: str, text: str, kind: str):
    assert detect(file, text) == kind


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "a sentence of words\n"])
def test_what_is_no_list(text: str):
    with pytest.raises(UsageError) as caught:
        detect("x.txt", text)

    assert str(caught.value) == (
        "x.txt: this looks like no list of machines. "
        "Fix: say what it is with `--from hostfile|ssh-config|ansible|slurm`"
    )
