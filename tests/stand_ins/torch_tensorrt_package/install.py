"""Put the stand-in into a folder as one version of torch_tensorrt."""

from __future__ import annotations

import shutil
from pathlib import Path

HERE = Path(__file__).parent


def install(folder: Path, version: str, *, tensorrt: str, nccl: Path | None = None) -> Path:
    """Return a folder for PYTHONPATH; ``nccl`` is a library that plays PyTorch's libnccl.so.2."""
    site = folder / f"site-{version}"
    shutil.copytree(HERE / "torch_tensorrt", site / "torch_tensorrt")
    package = site / "torch_tensorrt"
    release = tuple(map(int, version.split(".")[:2]))
    (package / "version.py").write_text(f'__version__ = "{version}"\nTENSORRT = "{tensorrt}"\n')
    if release >= (2, 10):
        shutil.rmtree(package / "dynamo")
    for name, its in (("torch_tensorrt", version), ("tensorrt", tensorrt)):
        about = site / f"{name}-{its}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {its}\n")
    if nccl is not None:
        library = site / "nvidia" / "nccl" / "lib" / "libnccl.so.2"
        library.parent.mkdir(parents=True)
        (library.parent.parent / "__init__.py").touch()
        shutil.copy(nccl, library)
    return site
