"""
Which device a CPU uses: the nearest one that is usable.

Source: zswap IAA compress batching, RFC v1, patch 07.  The cores of a node are shared
out evenly among its devices, sibling threads together; before, its CPUs in ascending
order were, so that a core's threads had different devices.
"""

from collections.abc import Collection

from mpzswap.topology.cpus import cores_of, cpus_of
from mpzswap.topology.model import Topology


def device_map(topology: Topology, usable: Collection[int]) -> dict[int, int]:
    """
    Give the device of every CPU; empty if no device is *usable*.

    What the nodes without a usable device have is shared out evenly among all usable
    devices: which node is near is not on paper.  That is ours.
    """
    if not usable:
        return {}
    mapped: dict[int, int] = {}
    orphans: list[tuple[int, ...]] = []
    for node in range(len(topology.sockets)):
        devices = devices_on(topology, node, usable)
        if devices:
            mapped |= _shared_out(_shares(topology, node), devices)
        else:
            orphans += _shares(topology, node)
    return mapped | _shared_out(orphans, sorted(usable))


def devices_on(topology: Topology, node: int, usable: Collection[int]) -> list[int]:
    """Give the usable devices of *node* in the file's order."""
    devices = topology.devices
    return [index for index in sorted(usable) if devices[index].numa_node == node]


def _shares(topology: Topology, node: int) -> list[tuple[int, ...]]:
    """Give the CPUs of *node*, those together that must have one device."""
    if topology.driver.cpu_to_iaa == "cpus":
        return [(cpu,) for cpu in cpus_of(topology, node)]
    return cores_of(topology, node)


def _shared_out(
    shares: Collection[tuple[int, ...]], devices: list[int]
) -> dict[int, int]:
    """Map shares, in runs of nearly one length, to *devices* in order."""
    return {
        cpu: devices[place * len(devices) // len(shares)]
        for place, share in enumerate(shares)
        for cpu in share
    }
