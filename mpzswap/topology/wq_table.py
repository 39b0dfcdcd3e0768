"""
Which work queues a CPU uses, to compress on and to decompress on.

Only devices that are usable are known, so it is asked again when one dies.

Source: zswap IAA compress batching, version 14 (which queues compress, which
decompress, and whether a package's devices take turns).
"""

from collections.abc import Collection
from typing import NamedTuple

from mpzswap.topology.cpus import node_of
from mpzswap.topology.mapping import device_map, devices_on
from mpzswap.topology.model import Topology


class WqId(NamedTuple):
    """A work queue: the index of its device, and its index in that device."""

    device: int
    wq: int


class WqTables(NamedTuple):
    """The queues that a CPU uses in turn, from the first on; both empty: software."""

    comp: tuple[WqId, ...]
    decomp: tuple[WqId, ...]


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
    near = devices_on(topology, node, usable) or sorted(usable)
    start = near.index(first)
    around = near[start:] + near[:start]
    turn = _rank(cpu, mapped)
    driver = topology.driver
    return WqTables(
        _table(topology, around if driver.distribute_comps else [first], 0, turn),
        _table(topology, around if driver.distribute_decomps else [first], 1, turn),
    )


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
