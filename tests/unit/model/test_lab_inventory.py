"""The inventory that `lab up` writes is a right one, on a subnet that nobody has."""

from __future__ import annotations

from ipaddress import IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from clusterkit.model.cluster import Lab
from clusterkit.model.lab_inventory import IMAGE, free_subnet, lab_inventory
from clusterkit.model.load import load_inventory


def test_it_loads_and_is_a_lab(tmp_path):
    file = tmp_path / "lab.yaml"
    file.write_text(lab_inventory("mine", nodes=3, slots=2, subnet="10.192.7.0/24"))

    inventory = load_inventory(file)
    cluster = inventory.resolve(base=tmp_path, local_home=tmp_path, local_storage=tmp_path)

    assert (cluster.name, cluster.provider, cluster.slots) == ("mine", "docker", 6)
    assert cluster.lab == Lab("64m", "1g")
    assert {each.container.image for each in cluster.nodes if each.container} == {IMAGE}
    assert cluster.subnet == "10.192.7.0/24"


def test_one_node_and_another_image(tmp_path):
    file = tmp_path / "lab.yaml"
    file.write_text(
        lab_inventory(
            "one", nodes=1, slots=1, subnet="10.192.7.0/24", image="a: b", build_context="/x"
        )
    )

    inventory = load_inventory(file)

    assert list(inventory.nodes) == ["node1"]
    assert inventory.container is not None
    assert (inventory.container.image, inventory.container.build) == ("a: b", None)


@given(st.from_regex(r"[a-z]{1,9}", fullmatch=True), st.lists(st.integers(0, 8191), max_size=50))
def test_a_subnet_that_is_taken_is_never_chosen(name, numbers):
    base = int(IPv4Network("10.192.0.0/11").network_address)
    taken = [IPv4Network((base + number * 256, 24)) for number in numbers]

    found = free_subnet(name, taken)

    assert found is not None
    assert IPv4Network(found).subnet_of(IPv4Network("10.192.0.0/11"))
    assert not any(IPv4Network(found).overlaps(other) for other in taken)


def test_where_all_are_taken_there_is_none():
    assert free_subnet("lab", [IPv4Network("10.0.0.0/8")]) is None
