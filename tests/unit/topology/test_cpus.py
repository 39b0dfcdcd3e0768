"""The CPUs of a machine on paper."""

from mpzswap.topology.cpus import (
    cores_of,
    cpu_count,
    cpu_ranges,
    cpus_of,
    node_of,
    siblings_of,
)
from mpzswap.topology.model import Socket, Topology


def test_cpus_are_numbered_as_linux_does() -> None:
    """First threads of all sockets come first, then the second threads."""
    topology = Topology.named("spr-2s8iaa")

    assert cpu_count(topology) == 224
    assert cpu_ranges(cpus_of(topology, 0)) == "0-55,112-167"
    assert cpu_ranges(cpus_of(topology, 1)) == "56-111,168-223"
    assert siblings_of(topology, 169) == (57, 169)
    assert node_of(topology, 56) == node_of(topology, 168) == 1


def test_sockets_of_different_kinds_share_the_numbers() -> None:
    """A socket without second threads has no part in the second round."""
    sockets = (Socket(cores=2, threads=1), Socket(cores=1, threads=2))
    topology = Topology(memory=1 << 30, sockets=sockets, devices=())

    assert cores_of(topology, 0) == [(0,), (1,)]
    assert cores_of(topology, 1) == [(2, 3)]


def test_ranges_are_written_as_linux_writes_them() -> None:
    """Single CPUs stand alone; none is nothing."""
    assert cpu_ranges([5, 0, 1, 2, 7, 8]) == "0-2,5,7-8"
    assert cpu_ranges([]) == ""
