from __future__ import annotations

import pytest

from clusterkit.payloads.own_prefix import daemon_here, environment_here

FIVE = (
    "PRTE_PREFIX=/opt/mpi;export PRTE_PREFIX;LD_LIBRARY_PATH=/opt/mpi/lib:/opt/mpi-4/lib:$L;"
    'export LD_LIBRARY_PATH; exec /opt/mpi/bin/prted --prtemca x "/opt/mpi/kept"'
)
FIVE_HERE = (
    "PRTE_PREFIX=/usr/lib/m;export PRTE_PREFIX;LD_LIBRARY_PATH=/usr/lib/m/lib:/opt/mpi-4/lib:$L;"
    'export LD_LIBRARY_PATH; exec /usr/lib/m/bin/prted --prtemca x "/opt/mpi/kept"'
)
FOUR = "PATH=/opt/mpi/bin:$PATH ; export PATH ; exec /opt/mpi/bin/orted -mca ess env"
FOUR_HERE = "PATH=/usr/lib/m/bin:$PATH ; export PATH ; exec /usr/lib/m/bin/orted -mca ess env"


@pytest.mark.parametrize(("line", "here"), [(FIVE, FIVE_HERE), (FOUR, FOUR_HERE)])
def test_a_daemon_starts_from_where_open_mpi_is_on_its_node(line: str, here: str):
    assert daemon_here(line, "/opt/mpi", "/usr/lib/m") == here


@pytest.mark.parametrize("places", [("/opt/mpi", "/opt/mpi"), (None, "/a"), ("/a", None)])
def test_where_all_is_in_one_place_nothing_changes(places: tuple[str | None, str | None]):
    assert daemon_here(FIVE, *places) == FIVE
    assert environment_here({"PATH": "/a/bin"}, *places) == {"PATH": "/a/bin"}


def test_a_rank_finds_the_libraries_of_its_node_and_keeps_what_is_the_users():
    given = {"OPAL_PREFIX": "/opt/mpi", "PATH": "/opt/mpi/bin:/opt/mpirun", "MINE": "/opt/mpi"}

    assert environment_here(given, "/opt/mpi", "/m") == {
        "OPAL_PREFIX": "/m",
        "PATH": "/m/bin:/opt/mpirun",
        "MINE": "/opt/mpi",
    }
