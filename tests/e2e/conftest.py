"""Clusters for end-to-end tests: named and addressed so that test runs never meet."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import docker
import pytest

from tests.e2e.controller import Controller, free_subnet, new_cluster_name


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


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the CLI and the containers said when a test failed, before they are removed."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Controller):
                report.sections.append(("clusterkit", value.report()))
    return report
