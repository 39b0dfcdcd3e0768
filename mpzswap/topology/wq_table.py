"""
Which work queues a CPU uses, to compress on and to decompress on.

Only usable ones, so it is asked again when a queue goes or comes.  The rules:

    package   zswap IAA compress batching, version 14: all devices of the package take
              turns, or the one that the CPU is mapped to has the work of its CPUs
    global    RFC v1, patch 08: CPUs compress on the global queues of their node's
              devices in turn, and decompress on the local ones of the mapped device

Ours: a queue whose group has no engine for the work is left out.  If that leaves
nothing, any usable queue with engines is taken: of the same device, else of the
near ones, else of any.
"""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import NamedTuple

from mpzswap.topology.cpus import node_of
from mpzswap.topology.mapping import device_map, devices_on
from mpzswap.topology.model import Topology
from mpzswap.topology.settings import COMP, DECOMP


class WqId(NamedTuple):
    """A work queue: the index of its device, and its index in that device."""

    device: int
    wq: int


class WqTables(NamedTuple):
    """The queues that a CPU uses in turn, from the first on; none: software."""

    comp: tuple[WqId, ...]
    decomp: tuple[WqId, ...]
    # Descriptors that a compress queue gets in a row.
    comp_consec: int = 1


Rows = list[list[WqId]]


def wq_tables(topology: Topology, cpu: int, usable: Collection[WqId]) -> WqTables:
    """
    Give the queues of *cpu*, out of those that are *usable*.

    Raises:
        InputError: the machine has no such CPU.
    """
    node = node_of(topology, cpu)
    wqs: dict[int, list[WqId]] = {}
    for queue in sorted(usable):
        wqs.setdefault(queue.device, []).append(queue)
    mapped = device_map(topology, wqs)
    if not mapped:
        return WqTables((), ())
    near = devices_on(topology, node, wqs) or list(wqs)
    start = near.index(mapped[cpu])
    view = _View(topology, wqs, near[start:] + near[:start])
    if topology.driver.wq_tables == "global":
        return _global_tables(view)
    return _package_tables(view, _rank(cpu, mapped))


@dataclass(frozen=True)
class _View:
    """
    The usable machine as one CPU sees it.

    Attributes:
        wqs: the queues of each device; both in order.
        near: the devices of the CPU's node from the mapped one on; where it has none
            all devices, as ``device_map`` has it.
    """

    topology: Topology
    wqs: dict[int, list[WqId]]
    near: list[int]

    def rows(self, devices: list[int], kind: int) -> Rows:
        """Give the queues for *kind* of each of *devices*; others only if none has."""
        for some in (devices, self.near, list(self.wqs)):
            rows = [row for device in some if (row := self._row(device, kind))]
            if rows:
                return rows
        return []

    def global_rows(self) -> Rows:
        """Give the global queues of each near device."""
        split = self.topology.driver.split_global
        near = [self.wqs[device] for device in self.near]
        return [self._served(wqs, split(len(wqs))[0], COMP) for wqs in near]

    def _row(self, device: int, kind: int) -> list[WqId]:
        """Give a device's queues for *kind*, global ones only where none is local."""
        wqs, driver = self.wqs[device], self.topology.driver
        split = driver.split_wqs(len(wqs))[kind]
        if driver.wq_tables == "global":
            split = driver.split_global(len(wqs))[1]
        every = range(len(wqs))
        return self._served(wqs, split, kind) or self._served(wqs, every, kind)

    def _served(self, wqs: list[WqId], places: range, kind: int) -> list[WqId]:
        """Give those of a device's queues that have engines for *kind*."""
        wanted = self.topology.driver.engines_for(kind)
        found = []
        for device, wq in (wqs[place] for place in places):
            part = self.topology.devices[device]
            if part.groups[part.wqs[wq].group_id].has(wanted):
                found.append(WqId(device, wq))
        return found


def _package_tables(view: _View, turn: int) -> WqTables:
    """
    Apply version 14's rule.

    Neighbours that share a device begin with different queues of it.  In turn come
    different devices before further queues of the same, so that a short batch is
    spread as wide as a long one; that is ours, the kernel goes device by device.
    """
    driver, mapped = view.topology.driver, view.near[:1]
    comp = view.near if driver.distribute_comps else mapped
    decomp = view.near if driver.distribute_decomps else mapped
    return WqTables(
        _across(view.rows(comp, COMP), turn),
        _across(view.rows(decomp, DECOMP), turn),
    )


def _across(rows: Rows, turn: int) -> tuple[WqId, ...]:
    """Give a queue of each row, then the next of each, from the *turn*-th on."""
    turned = [row[turn % len(row) :] + row[: turn % len(row)] for row in rows]
    return tuple(wq for column in zip_longest(*turned) for wq in column if wq)


def _global_tables(view: _View) -> WqTables:
    """Apply RFC v1's rule; without a global queue the local ones compress too."""
    driver = view.topology.driver
    decomp = tuple(chain(*view.rows(view.near[:1], DECOMP)))
    shared = tuple(chain(*view.global_rows()))
    if not shared:
        local = view.rows(view.near[:1], COMP)
        return WqTables(tuple(chain(*local)), decomp)
    if driver.global_wq_start == "literal":
        shared = _literally(view, shared)
    return WqTables(shared, decomp, driver.g_consec_descs_per_gwq)


def _literally(view: _View, shared: tuple[WqId, ...]) -> tuple[WqId, ...]:
    """
    Turn the global queues to where patch 08's arithmetic starts.

    It divides by the devices of all nodes: on two nodes of four devices with a global
    queue each that is 4 // 8, so every CPU starts at the node's first queue.
    """
    table, devices = sorted(shared), list(view.wqs)
    # Less than the table's length, so the patch's check of that is always passed.
    start = len(table) // len(devices) * devices.index(view.near[0])
    return tuple(table[start:] + table[:start])


def _rank(cpu: int, mapped: dict[int, int]) -> int:
    """Give how many CPUs before *cpu* are mapped to the same device."""
    return sum(mapped[other] == mapped[cpu] for other in range(cpu))
