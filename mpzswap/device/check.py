"""
Is this descriptor one that the device can run?  If not: the status that says why.

The order is the device's own: what cannot be known without a field comes after the
check of that field.  Which status stands for what is the kernel's enumeration; see
``mpzswap.completion.status``.
"""

from typing import NamedTuple

from mpzswap.completion.status import Status
from mpzswap.device.client import Client
from mpzswap.ring.descriptor import (
    PASID_MASK,
    ComprFlag,
    DecomprFlag,
    Flag,
    Opcode,
    unpack_flags_opcode,
)

# What the emulated device does; FENCE is met by running lanes in order, and there
# are no faults to block on.
KNOWN_FLAGS = int(Flag.FENCE | Flag.BLOCK_ON_FAULT | Flag.CRAV | Flag.RCR)
KNOWN_FLAGS |= int(Flag.RCI | Flag.CACHE_CONTROL)
# Plain integers: "&" with an IntFlag takes half a microsecond.
CRAV = int(Flag.CRAV)
RCI = int(Flag.RCI)
KNOWN_OPERATION_FLAGS = {
    int(Opcode.COMPRESS): int(ComprFlag.FLUSH_OUTPUT | ComprFlag.APPEND_EOB),
    int(Opcode.DECOMPRESS): int(
        DecomprFlag.ENABLE_DECOMP
        | DecomprFlag.FLUSH_OUTPUT
        | DecomprFlag.CHECK_FOR_EOB
        | DecomprFlag.STOP_ON_EOB
        | DecomprFlag.SUPPRESS_OUTPUT
    ),
}
NO_DATA = (Opcode.NOOP, Opcode.DRAIN)


class Descriptor(NamedTuple):
    """The fields of ``mpzswap.ring.descriptor.FIELDS``, in their order."""

    pasid_priv: int
    flags_opcode: int
    completion_addr: int
    src1_addr: int
    dst_addr: int
    src1_size: int
    int_handle: int
    compr_flags: int
    src2_addr: int
    max_dst_size: int
    src2_size: int
    filter_flags: int
    num_inputs: int


class Refusal(NamedTuple):
    """Why a descriptor is not run."""

    status: Status
    invalid_flags: int = 0
    fault_addr: int = 0


def find_refusal(
    descriptor: Descriptor, client: Client, max_transfer_size: int
) -> Refusal | None:
    """Give what is wrong with the fields, addresses apart; None if nothing is."""
    flags, opcode = unpack_flags_opcode(descriptor.flags_opcode)
    if descriptor.pasid_priv != client.pasid & PASID_MASK:
        return Refusal(Status.PRIV_BAD)
    if flags & ~KNOWN_FLAGS:
        return Refusal(Status.INVALID_FLAGS, invalid_flags=flags & ~KNOWN_FLAGS)
    handle = descriptor.int_handle
    # An interrupt that is not asked for may not be named.
    if handle not in client.interrupts if flags & RCI else handle:
        return Refusal(Status.INT_HANDLE_INVAL)
    if opcode in NO_DATA:
        return None
    if opcode not in KNOWN_OPERATION_FLAGS:
        return Refusal(Status.BAD_OPCODE)
    return _find_data_refusal(descriptor, opcode, max_transfer_size)


def _find_data_refusal(
    descriptor: Descriptor, opcode: int, max_transfer_size: int
) -> Refusal | None:
    unknown = descriptor.compr_flags & ~KNOWN_OPERATION_FLAGS[opcode]
    if unknown:
        return Refusal(Status.INVALID_COMP_FLAG, invalid_flags=unknown)
    # Tables (AECS) live in the device's codec here, so src2 is never read.
    if any((descriptor.src2_addr, *descriptor[-3:])):
        return Refusal(Status.NOZERO_RESERVE)
    sizes = (descriptor.src1_size, descriptor.max_dst_size)
    if not (0 < sizes[0] <= max_transfer_size and 0 < sizes[1] <= max_transfer_size):
        return Refusal(Status.INVALID_SIZE)
    if _overlap(descriptor):
        return Refusal(Status.OVERLAP_BUFFERS)
    return None


def _overlap(descriptor: Descriptor) -> bool:
    return (
        descriptor.src1_addr < descriptor.dst_addr + descriptor.max_dst_size
        and descriptor.dst_addr < descriptor.src1_addr + descriptor.src1_size
    )
