"""Which work queues a user means, by accel-config's names: "iax1", "iax1/wq1.0"."""

from collections.abc import Iterator

from mpzswap.errors import InputError
from mpzswap.topology.model import Topology
from mpzswap.topology.wq_table import WqId


def wq_name(wq: WqId) -> str:
    """Give the name of a work queue, as accel-config has it."""
    return f"wq{wq.device}.{wq.wq}"


def find_wqs(topology: Topology, name: str) -> list[WqId]:
    """
    Give the queue that *name* means, or all of the device that it means.

    Raises:
        InputError: there is none of this name.
    """
    named = dict(_named(topology))
    if name not in named:
        devices = ", ".join(device.name for device in topology.devices) or "none"
        raise InputError(
            f"device or queue: {name!r}: must be one of the machine's devices "
            f"({devices}), or a queue of one, such as iax0/wq0.0"
        )
    return named[name]


def _named(topology: Topology) -> Iterator[tuple[str, list[WqId]]]:
    """Give every name, with its queues."""
    for index, device in enumerate(topology.devices):
        wqs = [WqId(index, wq) for wq in range(len(device.wqs))]
        yield device.name, wqs
        for wq in wqs:
            yield f"{device.name}/{wq_name(wq)}", [wq]
