"""Faults put into a topology's devices by ``--inject``, and what is in them then."""

from collections.abc import Iterable

import msgspec

from mpzswap.errors import InputError
from mpzswap.topology.fault_line import format_fault, parse_fault
from mpzswap.topology.faults import Fault
from mpzswap.topology.model import Topology


def with_faults(topology: Topology, lines: Iterable[str], seed: int) -> Topology:
    """
    Give *topology* with more faults; what draws from no seed of its own, from *seed*.

    Raises:
        InputError: a line is wrong, or no device or queue is as it says.
    """
    replace = msgspec.structs.replace
    faults = [[parse_fault(line) for line in d.faults] for d in topology.devices]
    for line in lines:
        try:
            fault = parse_fault(line)
            for index in _targets(topology, fault):
                faults[index].append(replace(fault, device=""))
        except InputError as error:
            raise InputError(f"inject: {error}") from error
    devices = tuple(
        replace(device, faults=tuple(format_fault(_seeded(f, seed)) for f in its))
        for device, its in zip(topology.devices, faults, strict=True)
    )
    return replace(topology, devices=devices)


def _seeded(fault: Fault, seed: int) -> Fault:
    given = seed if fault.seed is None else fault.seed
    return msgspec.structs.replace(fault, seed=given)


def _targets(topology: Topology, fault: Fault) -> list[int]:
    """Give the devices that a fault is for; of all of them those with its queue."""
    named = [
        (index, device)
        for index, device in enumerate(topology.devices)
        if fault.device in ("", device.name)
    ]
    if not topology.devices:
        raise InputError(f"topology {topology.name}: has no device, must have one")
    if not named:
        names = ", ".join(device.name for device in topology.devices)
        raise InputError(f"device: {fault.device!r}: must be one of {names}")
    found = [index for index, d in named if fault.queues([wq.name for wq in d.wqs])]
    if not found:
        where = named[0][1].name if fault.device else "any device"
        raise InputError(f"wq: {fault.wq!r}: must be a queue of {where}")
    return found


def fault_lines(topology: Topology) -> tuple[str, ...]:
    """Give the faults of all devices, each as --inject takes it."""
    return tuple(
        format_fault(msgspec.structs.replace(parse_fault(line), device=device.name))
        for device in topology.devices
        for line in device.faults
    )


def damages_compressions(topology: Topology) -> bool:
    """Tell whether a device may say that it compressed, and have no right stream."""
    return any(
        parse_fault(line).damages_compressions
        for device in topology.devices
        for line in device.faults
    )
