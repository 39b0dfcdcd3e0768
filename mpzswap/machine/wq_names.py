"""
Which work queues a user means, by accel-config's names: "iax1", "iax1/wq1.0".

Source: Linux, drivers/dma/idxd/sysfs.c: a queue is wq<id of its device>.<its number>,
and a device of type iax is iax<id>.
"""

import re
from collections.abc import Iterator

from mpzswap.errors import InputError
from mpzswap.topology.model import Device, Topology
from mpzswap.topology.wq_table import WqId


def device_id(device: Device, index: int) -> int:
    """Give the number that its name ends with; its place where there is none."""
    number = re.search("[0-9]{1,9}$", device.name)
    return int(number[0]) if number else index


def find_wqs(topology: Topology, name: str) -> list[WqId]:
    """
    Give the queue that *name* means, or all of the device that it means.

    Raises:
        InputError: there is none of this name.
    """
    named = dict(_named(topology))
    if name not in named:
        raise InputError(
            f"device or queue: {name!r}: must be one of {', '.join(named) or 'none'}"
        )
    return named[name]


def _named(topology: Topology) -> Iterator[tuple[str, list[WqId]]]:
    """Give every name, with its queues."""
    for index, device in enumerate(topology.devices):
        wqs = [WqId(index, wq) for wq in range(len(device.wqs))]
        yield device.name, wqs
        number = device_id(device, index)
        for wq in wqs:
            yield f"{device.name}/wq{number}.{wq.wq}", [wq]
