"""
What hardware makes of a topology that is not wrong: a line each, with its reason.

``check`` refuses what cannot be; here is what can be, and is rarely meant.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import chain

from mpzswap.topology.mapping import device_map
from mpzswap.topology.model import (
    WORK_QUEUE_SIZE,
    Device,
    Group,
    Topology,
    WorkQueue,
)
from mpzswap.topology.timing import Timing

KINDS = ("compress_engines", "decompress_engines")
# zswap IAA compress batching: with 30 cores on one IAA submitters were seen to time
# out, which is why attempts to get a descriptor are bounded.
CROWDED_CPUS = 30


def advice(topology: Topology) -> Iterator[str]:
    """Give what to think about, with the path from the topology."""
    for index, device in enumerate(topology.devices):
        for each in chain(_of_device(device), _timed(device, topology.timing)):
            yield f"devices[{index}]{each}"
    usable = range(len(topology.devices))
    counts = Counter(device_map(topology, usable).values())
    for index, count in sorted(counts.items()):
        if count >= CROWDED_CPUS:
            yield (
                f"devices[{index}]: {count} CPUs are mapped to it: with "
                f"{CROWDED_CPUS} on one IAA time-outs were seen"
            )


def _of_device(device: Device) -> Iterator[str]:
    for kind in KINDS:
        yield from _engines(device, kind)
    for number, group in enumerate(device.groups):
        yield from _group(device, number, group)
    size = sum(wq.size for wq in device.wqs)
    if size > WORK_QUEUE_SIZE:
        yield (
            f".wqs: {size} entries: an IAA has {WORK_QUEUE_SIZE}, for all its queues"
        )
    for number, wq in enumerate(device.wqs):
        yield from _queue(number, wq)


def _engines(device: Device, kind: str) -> Iterator[str]:
    """
    Tell of engines that do nothing.

    Source of the warning's example: drivers/dma/idxd, whose defaults for an IAA put
    engine 0 alone into group 0.
    """
    total: int = getattr(device, kind)
    grouped = sum(getattr(group, kind) for group in device.groups)
    if grouped < total:
        yield f".{kind}: {total - grouped} of {total} are in no group, and idle"
    served = {wq.group_id for wq in device.wqs}
    working = sum(
        getattr(group, kind)
        for number, group in enumerate(device.groups)
        if number in served
    )
    if 2 * working < total:
        yield (
            f".groups: queues reach {working} of {total} {kind}: most of the device is "
            "idle, as by the kernel's defaults once, which used 1 engine of 8"
        )


def _timed(device: Device, timing: Timing | None) -> Iterator[str]:
    """Tell of engines that are more or fewer than those the figures are for."""
    if timing is None:
        return
    for kind in KINDS:
        engines, figures_for = getattr(device, kind), getattr(timing, kind).count
        if engines != figures_for:
            yield (
                f".{kind}: {engines}: the figures of timing {timing.name} are for "
                f"{figures_for}"
            )


def _group(device: Device, number: int, group: Group) -> Iterator[str]:
    """Tell of a group that serves nobody, or with nothing."""
    if any(wq.group_id == number for wq in device.wqs):
        # Without engines for what is sent there, the topology is refused.
        return
    if any(getattr(group, kind) for kind in KINDS):
        yield f".groups[{number}]: has no work queue, so its engines are idle"
    else:
        yield f".groups[{number}]: has neither engines nor a work queue"


def _queue(number: int, wq: WorkQueue) -> Iterator[str]:
    if wq.mode == "shared" and wq.threshold == wq.size:
        yield (
            f".wqs[{number}].threshold: {wq.threshold}, its size, also where none is "
            "given: accel-config's manual has it at least 1 below"
        )
