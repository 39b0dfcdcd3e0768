"""
What one value of a topology says of another; ranges of single values are in the types.

Each function raises a TopologyError with the path from the part it was given.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

from mpzswap.errors import InputError, TopologyError
from mpzswap.topology.fault_line import parse_fault

if TYPE_CHECKING:  # These structs call us when they are made.
    from mpzswap.topology.model import Device, Topology, WorkQueue
    from mpzswap.topology.timing import Direction, Timing

# Linux, arch/x86/Kconfig: NR_CPUS_RANGE_END with CPUMASK_OFFSTACK.
MAX_CPUS = 8192


def work_queue(wq: "WorkQueue") -> None:
    """Refuse a threshold on a dedicated queue, or one above the queue's size."""
    if wq.mode == "dedicated" and wq.threshold:
        raise TopologyError(
            f"threshold: {wq.threshold}: must be 0, only a shared queue has one"
        )
    if wq.threshold > wq.size:
        raise TopologyError(
            f"threshold: {wq.threshold}: must be at most the queue's size, {wq.size}"
        )


def device(part: "Device") -> None:
    """Refuse what the device does not have: engines, entries, groups, faulty queues."""
    if part.max_transfer_size & (part.max_transfer_size - 1):
        raise TopologyError(
            f"max_transfer_size: {part.max_transfer_size}: must be a power of two"
        )
    for kind in ("compress_engines", "decompress_engines"):
        _engines(part, kind)
    left = part.work_queue_size
    for index, wq in enumerate(part.wqs):
        if wq.size > left:
            raise TopologyError(
                f"wqs[{index}].size: {wq.size}: must be at most {left}, what is left "
                f"of the device's work_queue_size of {part.work_queue_size}"
            )
        left -= wq.size
        if wq.group_id >= len(part.groups):
            raise TopologyError(
                f"wqs[{index}].group_id: {wq.group_id}: must be below "
                f"{len(part.groups)}, the number of the device's groups"
            )
    for index, line in enumerate(part.faults):
        try:
            _fault(part, line)
        except InputError as error:
            raise TopologyError(f"faults[{index}]: {error}") from error


def _fault(part: "Device", line: str) -> None:
    """Refuse a fault that is none, or is not of this device."""
    fault = parse_fault(line)
    if fault.device:
        raise InputError(f"{line}: device: {fault.device}: only --inject takes it")
    names = [wq.name for wq in part.wqs]
    if not fault.queues(names):
        raise InputError(
            f"{line}: wq: {fault.wq}: must be below {len(names)} or one of "
            f"{', '.join(names)}"
        )


def _engines(part: "Device", kind: str) -> None:
    """Refuse groups that have more engines of *kind* than the device."""
    total = left = getattr(part, kind)
    for index, group in enumerate(part.groups):
        wanted = getattr(group, kind)
        if wanted > left:
            raise TopologyError(
                f"groups[{index}].{kind}: {wanted}: must be at most {left}, what is "
                f"left of the device's {total}"
            )
        left -= wanted


def topology(whole: "Topology") -> None:
    """Refuse what the machine does not have, and queues that would never be served."""
    printable(whole)
    cpus = sum(socket.cores * socket.threads for socket in whole.sockets)
    if cpus > MAX_CPUS:
        raise TopologyError(f"sockets: {cpus} CPUs: must be at most {MAX_CPUS}")
    _unique("devices", (part.name for part in whole.devices))
    for index, part in enumerate(whole.devices):
        if part.numa_node >= len(whole.sockets):
            raise TopologyError(
                f"devices[{index}].numa_node: {part.numa_node}: must be below "
                f"{len(whole.sockets)}, the number of sockets"
            )
        _unique(f"devices[{index}].wqs", (wq.name for wq in part.wqs))
        _served(whole, index)


def direction(part: "Direction") -> None:
    """Refuse points of which one is not larger than the one before."""
    for index, (below, point) in enumerate(pairwise(part.engine), 1):
        if point.bytes <= below.bytes:
            raise TopologyError(
                f"engine[{index}].bytes: {point.bytes}: must be over {below.bytes}, "
                "the point before"
            )


def printable(whole: "Topology | Timing") -> None:
    """Refuse what a terminal would obey in what it is shown."""
    for kind, allowed in (("name", ""), ("description", "\n\t")):
        _printable(kind, getattr(whole, kind), allowed)


def _printable(path: str, text: str, allowed: str) -> None:
    """Refuse what a terminal would obey."""
    for character in text:
        if not character.isprintable() and character not in allowed:
            raise TopologyError(f"{path}: {text[:40]!r}: has {character!r} in it")


def _unique(path: str, names: Iterable[str]) -> None:
    """Refuse a name that two parts have."""
    for name, count in Counter(names).items():
        if count > 1:
            raise TopologyError(f"{path}: {name}: {count} have this name, must be one")


def _served(whole: "Topology", index: int) -> None:
    """Refuse a queue whose group has no engine for what the driver sends to it."""
    part = whole.devices[index]
    for kind, wqs in enumerate(_sent(whole, part)):
        wanted = whole.driver.engines_for(kind)
        for number in wqs:
            group_id = part.wqs[number].group_id
            for engines, does in wanted.items():
                if not part.groups[group_id].has((engines,)):
                    raise TopologyError(
                        f"devices[{index}].wqs[{number}].group_id: {group_id}: must "
                        f"be a group with {engines}, the driver {does} there"
                    )


def _sent(whole: "Topology", part: "Device") -> tuple[range, range]:
    """Give which queues of *part* compress and which decompress, if all are usable."""
    driver, count = whole.driver, len(part.wqs)
    if driver.wq_tables == "package":
        return driver.split_wqs(count)
    shared, local = driver.split_global(count)
    near = (each for each in whole.devices if each.numa_node == part.numa_node)
    any_shared = any(driver.split_global(len(each.wqs))[0] for each in near)
    return shared if any_shared else local, local
