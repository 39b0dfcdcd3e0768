"""Which device and which queues a CPU uses."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpzswap.errors import InputError
from mpzswap.topology.cpus import (
    cores_of,
    cpu_count,
    cpu_ranges,
    cpus_of,
    node_of,
    siblings_of,
)
from mpzswap.topology.mapping import WqId, device_map, wq_tables
from mpzswap.topology.model import (
    Device,
    Socket,
    Topology,
    WorkQueue,
)
from mpzswap.topology.settings import DriverSettings

# Zswap IAA compress batching, RFC v1, patch 07: the table of the new mapping.
PUBLISHED = {
    "iax1": "0-13,112-125",
    "iax3": "14-27,126-139",
    "iax5": "28-41,140-153",
    "iax7": "42-55,154-167",
    "iax9": "56-69,168-181",
    "iax11": "70-83,182-195",
    "iax13": "84-97,196-209",
    "iax15": "98-111,210-223",
}


def machine(wqs: int = 1, nodes: tuple[int, ...] = (0, 0), **driver: int) -> Topology:
    """Give a machine of 2 nodes x 4 cores x 2 threads, with devices on *nodes*."""
    queues = tuple(WorkQueue(name=f"q{wq}", size=8) for wq in range(wqs))
    return Topology(
        memory=1 << 30,
        sockets=(Socket(cores=4, threads=2), Socket(cores=4, threads=2)),
        devices=tuple(
            Device(name=f"iax{index}", numa_node=node, wqs=queues)
            for index, node in enumerate(nodes)
        ),
        driver=DriverSettings(**driver),  # type: ignore[arg-type]  # flags as 0 and 1
    )


@st.composite
def machines(draw: st.DrawFn) -> tuple[Topology, list[int]]:
    """Give a machine of any shape and those of its devices that are usable."""
    sockets = draw(
        st.lists(
            st.builds(Socket, cores=st.integers(1, 12), threads=st.integers(1, 2)),
            min_size=1,
            max_size=3,
        )
    )
    nodes = draw(st.lists(st.integers(0, len(sockets) - 1), min_size=1, max_size=9))
    devices = [Device(name=f"iax{i}", numa_node=node) for i, node in enumerate(nodes)]
    usable = draw(st.sets(st.integers(0, len(nodes) - 1), min_size=1))
    topology = Topology(memory=1 << 30, sockets=tuple(sockets), devices=tuple(devices))
    return topology, sorted(usable)


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


@pytest.mark.parametrize("cpu", [-1, 224])
def test_cpu_that_is_not_there_is_refused(cpu: int) -> None:
    """The message has the number and the limit."""
    topology = Topology.named("spr-2s8iaa")

    with pytest.raises(InputError, match=f"cpu: {cpu}: must be 0 to 223"):
        wq_tables(topology, cpu, [0])


def test_ranges_are_written_as_linux_writes_them() -> None:
    """Single CPUs stand alone; none is nothing."""
    assert cpu_ranges([5, 0, 1, 2, 7, 8]) == "0-2,5,7-8"
    assert cpu_ranges([]) == ""


def test_map_of_the_published_server_is_the_published_one() -> None:
    """Each device has 14 cores, that is 28 threads, siblings together."""
    topology = Topology.named("spr-2s8iaa")
    mapped = device_map(topology, range(8))

    assert {
        device.name: cpu_ranges(cpu for cpu in mapped if mapped[cpu] == index)
        for index, device in enumerate(topology.devices)
    } == PUBLISHED


def test_map_without_a_dead_device_is_balanced_again() -> None:
    """The cores of a device that died go to those left in its package."""
    topology = Topology.named("spr-2s8iaa")
    cpus = Counter(device_map(topology, {0, 1, 3, 4, 5, 6, 7}).values())

    assert sorted(cpus[index] for index in (0, 1, 3)) == [36, 38, 38]
    assert {cpus[index] for index in (4, 5, 6, 7)} == {28}


def test_node_without_a_device_uses_those_of_others() -> None:
    """Its cores are shared out evenly among all usable devices."""
    mapped = device_map(machine(nodes=(0, 0)), [0, 1])

    assert [mapped[cpu] for cpu in range(8)] == [0, 0, 1, 1, 0, 0, 1, 1]


def test_map_without_any_device_is_empty() -> None:
    """The driver then has software only."""
    assert device_map(machine(), []) == {}
    assert wq_tables(machine(), 0, []) == ((), ())


@given(machines())
def test_every_cpu_is_mapped_to_a_usable_device(
    case: tuple[Topology, list[int]],
) -> None:
    """No shape of machine leaves a CPU without a device, or gives it a dead one."""
    topology, usable = case
    mapped = device_map(topology, usable)

    assert sorted(mapped) == list(range(cpu_count(topology)))
    assert set(mapped.values()) <= set(usable)


@given(machines())
def test_sibling_threads_have_the_same_device(case: tuple[Topology, list[int]]) -> None:
    """A core's threads share its nearest device."""
    topology, usable = case
    mapped = device_map(topology, usable)

    for cpu in mapped:
        assert len({mapped[other] for other in siblings_of(topology, cpu)}) == 1


@given(machines())
def test_devices_of_a_package_differ_by_at_most_one_core(
    case: tuple[Topology, list[int]],
) -> None:
    """The cores of a package are shared out as evenly as whole cores can be."""
    topology, usable = case
    mapped = device_map(topology, usable)

    for node in range(len(topology.sockets)):
        near = [index for index in usable if topology.devices[index].numa_node == node]
        cores = Counter(mapped[core[0]] for core in cores_of(topology, node))
        assert not near or set(cores) <= set(near)
        shares = [cores[index] for index in near]
        assert not near or max(shares) - min(shares) <= 1


def test_compressions_go_round_the_package_from_the_mapped_device_on() -> None:
    """Four CPUs of four devices begin with four queues; decompressions stay near."""
    topology = Topology.named("spr-2s8iaa")
    tables = wq_tables(topology, 28, range(8))

    assert [wq.device for wq in tables.comp] == [2, 3, 0, 1]
    assert tables.decomp == (WqId(2, 0),)
    assert [wq.device for wq in wq_tables(topology, 168, range(8)).comp] == [4, 5, 6, 7]


def test_last_queues_of_a_device_compress_and_the_others_decompress() -> None:
    """With more queues than g_comp_wqs_per_iaa work is kept apart."""
    tables = wq_tables(machine(wqs=3, g_comp_wqs_per_iaa=1), 0, [0, 1])

    assert tables.comp == ((0, 2), (1, 2))
    assert tables.decomp == ((0, 0), (0, 1))


@pytest.mark.parametrize("g_comp_wqs_per_iaa", [0, 2, 3])
def test_without_queues_to_spare_all_do_both(g_comp_wqs_per_iaa: int) -> None:
    """As many queues as are set aside for compression, or none set aside: generic."""
    topology = machine(
        wqs=2, g_comp_wqs_per_iaa=g_comp_wqs_per_iaa, distribute_decomps=1
    )
    tables = wq_tables(topology, 0, [0, 1])

    assert tables.comp == tables.decomp == ((0, 0), (1, 0), (0, 1), (1, 1))


def test_nothing_is_distributed_if_the_driver_says_so() -> None:
    """The mapped device then has all the work of its CPUs."""
    tables = wq_tables(machine(distribute_comps=0), 2, [0, 1])

    assert tables == (((1, 0),), ((1, 0),))


def test_neighbours_begin_with_different_queues_of_their_device() -> None:
    """CPUs that share a device do not all queue up at its first queue."""
    topology = machine(wqs=2, nodes=(0,), g_comp_wqs_per_iaa=0)
    firsts = [wq_tables(topology, cpu, [0]).comp[0] for cpu in range(4)]

    assert firsts == [(0, 0), (0, 1), (0, 0), (0, 1)]


def test_tables_have_usable_devices_alone() -> None:
    """A device that died is in no table, nor are queues of another package."""
    topology = machine(nodes=(0, 0, 1))

    assert [wq.device for wq in wq_tables(topology, 0, [1, 2]).comp] == [1]
    assert [wq.device for wq in wq_tables(topology, 4, [0, 1]).comp] == [0, 1]
