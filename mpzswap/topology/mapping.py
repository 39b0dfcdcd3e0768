"""
Which device and which work queues a CPU uses.

    CPU --(device_map)--> the nearest device   --(wq_tables)--> queues to compress on,
                                                                queues to decompress on

Both know only the devices that are usable, and are asked again when one dies.

Source: zswap IAA compress batching, RFC v1, patch 07 (cores are shared out evenly
among the devices of their package, sibling threads together), and its version 14
(which queues compress, which decompress, and whether a package's devices take turns).
"""

from collections.abc import Collection
from typing import NamedTuple

from mpzswap.topology.cpus import cores_of, node_of
from mpzswap.topology.model import Topology


class WqId(NamedTuple):
    """A work queue: the index of its device, and its index in that device."""

    device: int
    wq: int


class WqTables(NamedTuple):
    """The queues that a CPU uses in turn, from the first on; both empty: software."""

    comp: tuple[WqId, ...]
    decomp: tuple[WqId, ...]


def device_map(topology: Topology, usable: Collection[int]) -> dict[int, int]:
    """
    Give the device of every CPU; empty if no device is *usable*.

    The cores of all nodes without a usable device are shared out evenly among all
    usable devices: which node is near is not on paper.  That is ours.
    """
    if not usable:
        return {}
    mapped: dict[int, int] = {}
    orphans: list[tuple[int, ...]] = []
    for node in range(len(topology.sockets)):
        devices = _usable_on(topology, node, usable)
        if devices:
            mapped |= _shared_out(cores_of(topology, node), devices)
        else:
            orphans += cores_of(topology, node)
    return mapped | _shared_out(orphans, sorted(usable))


def wq_tables(topology: Topology, cpu: int, usable: Collection[int]) -> WqTables:
    """
    Give the queues of *cpu*: first those of the device that it is mapped to.

    Neighbours that share a device begin with different queues of it.  In turn come
    different devices before further queues of the same, so that a short batch is
    spread as wide as a long one; that is ours, the kernel goes device by device.

    Raises:
        InputError: the machine has no such CPU.
    """
    node = node_of(topology, cpu)
    mapped = device_map(topology, usable)
    if not mapped:
        return WqTables((), ())
    first = mapped[cpu]
    near = _usable_on(topology, node, usable) or sorted(usable)
    start = near.index(first)
    around = near[start:] + near[:start]
    turn = _rank(cpu, mapped)
    driver = topology.driver
    return WqTables(
        _table(topology, around if driver.distribute_comps else [first], 0, turn),
        _table(topology, around if driver.distribute_decomps else [first], 1, turn),
    )


def _usable_on(topology: Topology, node: int, usable: Collection[int]) -> list[int]:
    """Give the usable devices of *node* in the file's order."""
    devices = topology.devices
    return [index for index in sorted(usable) if devices[index].numa_node == node]


def _shared_out(
    cores: Collection[tuple[int, ...]], devices: list[int]
) -> dict[int, int]:
    """Map cores, in runs of nearly one length, to *devices* in order."""
    return {
        cpu: devices[place * len(devices) // len(cores)]
        for place, core in enumerate(cores)
        for cpu in core
    }


def _rank(cpu: int, mapped: dict[int, int]) -> int:
    """Give how many CPUs before *cpu* are mapped to the same device."""
    return sum(mapped[other] == mapped[cpu] for other in range(cpu))


def _table(
    topology: Topology, devices: list[int], kind: int, turn: int
) -> tuple[WqId, ...]:
    """Give the queues of *devices*, of *kind* 0 compress or 1 decompress, in turn."""
    rows = []
    for device in devices:
        count = len(topology.devices[device].wqs)
        wqs = topology.driver.split_wqs(count)[kind]
        start = turn % len(wqs)
        rows.append([WqId(device, wq) for wq in (*wqs[start:], *wqs[:start])])
    longest = max(map(len, rows))
    return tuple(
        row[place] for place in range(longest) for row in rows if place < len(row)
    )
