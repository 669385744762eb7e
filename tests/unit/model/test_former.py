from __future__ import annotations

from dataclasses import replace

from clusterkit.model.cluster import Container
from clusterkit.model.contact import Contact
from clusterkit.model.former import Disks, Former, is_on, of_cluster, still_there
from clusterkit.model.machine import Login, Machine
from tests.unit.providers.machines import carried, lab, machine

COPIES = Disks(copies="/var/tmp/clusterkit-lab")  # noqa: S108
KEY = "ssh-ed25519 its-own"


def contact(number: int, key: str = KEY) -> Contact:
    login = Login("ubuntu", 22, (key,))
    return Contact("/home/ubuntu", 1000, login, (f"10.0.0.1{number}",))


def left(then, now, *, known=None, contacts=None, before=COPIES, after=COPIES) -> list[Former]:
    """What of one inventory is no part of the next."""
    rows = of_cluster(then, known or {}, before)
    found = (still_there(row, now, contacts or {}, after) for row in rows)
    return [row for row in found if row]


def former(number: int, **changes) -> Former:
    node = machine(number)
    made = Former(
        node.name, node.machine, home=node.home, storage=COPIES.copies, marked_in=node.home
    )
    return replace(made, **changes)


def test_the_same_inventory_leaves_nothing():
    assert left(lab(), lab()) == []
    assert left(carried(), carried()) == []


def test_a_node_that_is_taken_out_leaves_all_that_it_had():
    assert left(lab(), lab(nodes=lab().nodes[:2])) == [former(3)]


def test_a_node_on_another_machine_leaves_the_former_one():
    moved = machine(2, machine=Machine("gpu09"))

    assert left(lab(), lab(nodes=(machine(1), moved, machine(3)))) == [former(2)]


def test_a_node_with_another_name_leaves_its_folder_and_not_the_copies():
    """They are the machine's, in one folder for all names."""
    renamed = machine(3, name="z")
    now = lab(nodes=(machine(1), machine(2), renamed))

    assert left(lab(), now) == [former(3, storage=None)]


def test_a_machine_that_is_written_in_another_way_is_the_same():
    by_address = lab(nodes=(machine(1), machine(2), machine(3, machine=Machine("10.0.0.13"))))
    known = {"gpu03": contact(3)}

    assert left(lab(), by_address, known=known, contacts={"gpu03": contact(3)}) == []
    assert left(lab(), by_address, known=known, contacts={"gpu03": contact(3, "other")}) != []
    assert left(lab(), by_address, known=known, contacts={"gpu03": contact(4)}) != []  # a clone


def test_another_place_for_copies_leaves_the_former_one_on_every_node():
    elsewhere = Disks(copies="/scratch/clusterkit")

    assert left(lab(), lab(), after=elsewhere) == [former(n, home=None) for n in (1, 2, 3)]
    assert left(lab(), lab(), after=Disks()) == [former(n, home=None) for n in (1, 2, 3)]


def test_another_mount_leaves_the_former_one_on_every_node():
    nodes = left(lab(), lab(), before=Disks(mounted="/mnt/a"), after=Disks(mounted="/mnt/b"))

    assert nodes == [former(n, home=None, storage=None, mounted="/mnt/a") for n in (1, 2, 3)]
    assert left(lab(), lab(), before=Disks(mounted="/a"), after=Disks(mounted="/a")) == []


def test_a_container_leaves_its_machine_and_its_engine_cleans_itself_else():
    two = replace(carried(), nodes=carried().nodes[:2])
    renamed = replace(carried().nodes[2], name="z")

    (gone,) = left(carried(), two)

    assert (gone.node, gone.is_carried, gone.storage) == ("gpu03", True, None)
    assert left(carried(), replace(carried(), nodes=(*two.nodes, renamed))) == []


def test_a_bare_node_that_becomes_a_container_leaves_its_folder():
    now = lab(nodes=(machine(1), machine(2), machine(3, container=Container("image"))))

    assert left(lab(), now) == [former(3)]


def test_a_head_that_is_another_node_now_is_still_there():
    head = former(1)

    assert is_on(head, lab(), {})
    assert not is_on(head, lab(nodes=lab().nodes[1:]), {})
