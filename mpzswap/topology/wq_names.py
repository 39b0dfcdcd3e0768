"""
The names of devices and work queues, as accel-config has them: "iax1", "iax1/wq1.0".

Source: Linux, drivers/dma/idxd/init.c, idxd_setup_wqs: a queue is
wq<id of its device>.<its number>.
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


def wq_name(device: int, wq: int) -> str:
    """Give the name of a queue of the device with this id."""
    return f"wq{device}.{wq}"


def path_of(topology: Topology, wq: WqId) -> str:
    """Give the name of a queue with its device's before it."""
    device = topology.devices[wq.device]
    return f"{device.name}/{wq_name(device_id(device, wq.device), wq.wq)}"


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
        for wq in wqs:
            yield path_of(topology, wq), [wq]
