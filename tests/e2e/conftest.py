"""Clusters for end-to-end tests: named and addressed so that test runs never meet."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound

from tests.e2e.controller import Controller, free_subnet, new_cluster_name
from tests.e2e.local_job import MakeJob, jobs_here
from tests.e2e.machine_image import machine_image
from tests.e2e.pair import TRIO, Pair
from tests.e2e.tensorrt_llm_image import tensorrt_llm_image
from tests.e2e.triton_image import triton_image
from tests.e2e.triton_pair import Triton
from tests.e2e.vendor_pair import Vendor


@pytest.fixture
def subnet(docker_host: docker.DockerClient) -> Iterator[str]:
    """A free /24, this test's own."""
    with free_subnet(docker_host) as found:
        yield found


@pytest.fixture
def cluster_name() -> str:
    """A name that no other test run uses."""
    return new_cluster_name()


@pytest.fixture
def clusterkit(
    request: pytest.FixtureRequest, cluster_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Controller]:
    """Call the real CLI: `clusterkit("up", file, "--yes")`; what it made is removed at the end.

    Clusters on Docker are found by their label, so a test that uses `docker_host`, `subnet` or an
    image is cleaned up even where the CLI fails to. `clusterkit.clusters` takes further names.
    """
    names = {"docker_host", "subnet", "mpi_image", "node_image", "base_image"}
    engine = None
    if names & set(request.fixturenames):
        engine = request.getfixturevalue("docker_host")
    controller = Controller(tmp_path_factory.mktemp("home"), engine, {cluster_name})
    try:
        yield controller
    finally:
        if request.config.getoption("--keep"):
            terminal = request.config.pluginmanager.get_plugin("terminalreporter")
            terminal.write_line(f"kept: CLUSTERKIT_HOME={controller.home} -c {cluster_name}")
        else:
            controller.close()


@pytest.fixture(scope="session")
def mpi_machine(docker_host: docker.DockerClient, mpi_image: str) -> str:
    """The image of a machine that runs MPI programs."""
    return machine_image(docker_host, mpi_image)


@pytest.fixture(scope="session")
def model_machine(docker_host: docker.DockerClient, node_image: str) -> str:
    """The image of a machine that runs the transformers engine."""
    return machine_image(docker_host, node_image)


@pytest.fixture(scope="session")
def openmpi4_machine(docker_host: docker.DockerClient, mpi_image: str) -> str:
    """The image of a machine with Open MPI 4."""
    return machine_image(docker_host, mpi_image, "openmpi4")


@pytest.fixture(scope="session")
def docker_machine(docker_host: docker.DockerClient, mpi_image: str) -> str:
    """The image of a machine that can have a Docker engine of its own."""
    return machine_image(docker_host, mpi_image, "docker")


@pytest.fixture(scope="session")
def tensorrt_llm(docker_host: docker.DockerClient, mpi_image: str) -> Callable[[str], str]:
    """Gives the image of a node that pretends to have one version of TensorRT-LLM."""
    return lambda version: tensorrt_llm_image(docker_host, mpi_image, version)


@pytest.fixture(scope="session")
def triton_node(docker_host: docker.DockerClient, mpi_image: str) -> str:
    """The image of a node with a real tritonserver."""
    return triton_image(docker_host, mpi_image)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """For large files: removed at once, where tmp_path stays for some test runs."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.fixture
def make_job(tmp_path: Path) -> Iterator[MakeJob]:
    """Makes jobs on this machine, of which nothing may be left."""
    with jobs_here(tmp_path / "a home") as make:
        yield make


@pytest.fixture
def described(
    clusterkit: Controller,
    cluster_name: str,
    subnet: str,
    mpi_image: str,
    docker_host: docker.DockerClient,
    tmp_path: Path,
) -> Pair:
    """A cluster of two small nodes that is described, and not up."""
    pair = Pair(cluster_name, subnet, mpi_image, tmp_path, clusterkit, docker_host)
    pair.describe()
    return pair


@pytest.fixture
def vendor(request: pytest.FixtureRequest, described: Pair, tmp_path: Path) -> Iterator[Vendor]:
    """A cluster that is described by what is shipped for TensorRT-LLM, and not up."""
    shared = tmp_path / "shared"
    shared.mkdir()
    yield Vendor(described, shared)
    if not request.config.getoption("--keep"):
        described.controller.close()
        with contextlib.suppress(ImageNotFound):
            described.engine.images.remove(f"clusterkit/{described.name}")


@pytest.fixture(scope="module")
def pair(
    request: pytest.FixtureRequest,
    mpi_image: str,
    docker_host: docker.DockerClient,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pair]:
    """A cluster of two small nodes that is up, for all tests of a module; each leaves it so."""
    name = new_cluster_name()
    controller = Controller(tmp_path_factory.mktemp("home"), docker_host, {name})
    with free_subnet(docker_host) as subnet:
        folder = tmp_path_factory.mktemp("pair")
        made = Pair(name, subnet, mpi_image, folder, controller, docker_host)
        try:
            made.describe(**getattr(request.module, "PARTS", {}))
            made.up()
            yield made
        finally:
            if request.config.getoption("--keep"):
                terminal = request.config.pluginmanager.get_plugin("terminalreporter")
                terminal.write_line(f"kept: CLUSTERKIT_HOME={controller.home} -c {name}")
            else:
                controller.close()


@pytest.fixture(scope="module")
def trio(
    node_image: str,
    docker_host: docker.DockerClient,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pair]:
    """A cluster of three nodes with PyTorch that is up, of which one has one slot only."""
    name = new_cluster_name()
    controller = Controller(tmp_path_factory.mktemp("home"), docker_host, {name})
    with free_subnet(docker_host) as subnet:
        folder = tmp_path_factory.mktemp("trio")
        made = Pair(name, subnet, node_image, folder, controller, docker_host)
        try:
            made.describe(nodes={node: {"slots": slots} for node, slots in TRIO.items()})
            made.up()
            yield made
        finally:
            controller.close()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the CLI and the containers said when a test failed, before they are removed."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            value = getattr(value, "controller", value)
            if isinstance(value, Controller):
                report.sections.append(("clusterkit", value.report()))
    return report


@pytest.fixture
def triton(described: Pair, triton_node: str, tmp_path: Path) -> Iterator[Triton]:
    described.image = triton_node
    shared = tmp_path / "shared"
    (shared / "engine/tokenizer").mkdir(parents=True)
    (shared / "engine/tokenizer/tokenizer.json").write_text("{}")
    yield Triton(described, shared)
    described.controller.close()
    shutil.rmtree(shared)
