"""Which device a CPU uses."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpzswap.topology.cpus import cores_of, cpu_count, cpu_ranges, cpus_of, siblings_of
from mpzswap.topology.mapping import device_map
from mpzswap.topology.model import Device, Topology
from tests.tools.machines import changed, machine, sockets

# Zswap IAA compress batching, RFC v1, patch 07: the tables of the mapping that it
# makes, and of the one before.
PUBLISHED = [
    ("cores", "iax1", "0-13,112-125"),
    ("cores", "iax3", "14-27,126-139"),
    ("cores", "iax5", "28-41,140-153"),
    ("cores", "iax7", "42-55,154-167"),
    ("cores", "iax9", "56-69,168-181"),
    ("cores", "iax11", "70-83,182-195"),
    ("cores", "iax13", "84-97,196-209"),
    ("cores", "iax15", "98-111,210-223"),
    ("cpus", "iax1", "0-27"),
    ("cpus", "iax3", "28-55"),
    ("cpus", "iax5", "112-139"),
    ("cpus", "iax7", "140-167"),
    ("cpus", "iax9", "56-83"),
    ("cpus", "iax11", "84-111"),
    ("cpus", "iax13", "168-195"),
    ("cpus", "iax15", "196-223"),
]


@st.composite
def machines(draw: st.DrawFn) -> tuple[Topology, list[int]]:
    """Give a machine of any shape and those of its devices that are usable."""
    shape = draw(sockets())
    nodes = draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=9))
    devices = [Device(name=f"iax{i}", numa_node=node) for i, node in enumerate(nodes)]
    usable = draw(st.sets(st.integers(0, len(nodes) - 1), min_size=1))
    topology = Topology(memory=1 << 30, sockets=shape, devices=tuple(devices))
    return topology, sorted(usable)


@pytest.mark.parametrize(("rule", "name", "cpus"), PUBLISHED)
def test_map_of_the_published_server_is_the_published_one(
    rule: str, name: str, cpus: str
) -> None:
    """By cores siblings stay together; by CPUs one of them goes to another device."""
    topology = changed(Topology.named("spr-2s8iaa"), cpu_to_iaa=rule)
    mapped = device_map(topology, range(8))
    names = [device.name for device in topology.devices]

    assert cpu_ranges(cpu for cpu in mapped if names[mapped[cpu]] == name) == cpus


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


def test_cpus_of_a_node_without_a_device_are_shared_out_by_the_same_rule() -> None:
    """Node 1 has CPUs 4-7 and 12-15: the first threads go to one device."""
    mapped = device_map(machine(nodes=(0, 0), cpu_to_iaa="cpus"), [0, 1])

    assert [mapped[cpu] for cpu in (4, 5, 6, 7)] == [0] * 4
    assert [mapped[cpu] for cpu in (12, 13, 14, 15)] == [1] * 4


def test_map_without_any_device_is_empty() -> None:
    """The driver then has software only."""
    assert device_map(machine(), []) == {}


@given(machines(), st.sampled_from(["cores", "cpus"]))
def test_every_cpu_is_mapped_to_a_usable_device(
    case: tuple[Topology, list[int]], rule: str
) -> None:
    """No shape of machine leaves a CPU without a device, or gives it a dead one."""
    topology, usable = case
    mapped = device_map(changed(topology, cpu_to_iaa=rule), usable)

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


@given(machines())
def test_devices_of_a_package_differ_by_at_most_one_cpu(
    case: tuple[Topology, list[int]],
) -> None:
    """So it is where CPUs are shared out, in ascending order."""
    topology, usable = case
    mapped = device_map(changed(topology, cpu_to_iaa="cpus"), usable)

    for node in range(len(topology.sockets)):
        near = [index for index in usable if topology.devices[index].numa_node == node]
        devices = [mapped[cpu] for cpu in cpus_of(topology, node)]
        shares = [devices.count(index) for index in near]
        assert not near or devices == sorted(devices)
        assert not near or max(shares) - min(shares) <= 1
