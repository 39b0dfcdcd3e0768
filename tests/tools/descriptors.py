"""Descriptors that a device runs, to be changed in one field."""

from mpzswap.device.check import Descriptor
from mpzswap.ring.descriptor import (
    DESCRIPTOR_STRUCT,
    ComprFlag,
    DecomprFlag,
    Flag,
    Opcode,
    pack_flags_opcode,
)

PASID = 5
FLAGS = Flag.CRAV | Flag.RCR
DECOMPRESS_FLAGS = DecomprFlag.ENABLE_DECOMP | DecomprFlag.STOP_ON_EOB


def word(opcode: int, flags: int = FLAGS) -> int:
    """Give the word of an opcode with the usual flags, or others."""
    return pack_flags_opcode(flags, opcode)


COMPRESS = Descriptor(
    pasid_priv=PASID,
    flags_opcode=word(Opcode.COMPRESS),
    completion_addr=0,
    src1_addr=0x1000,
    dst_addr=0x2000,
    src1_size=0x1000,
    int_handle=0,
    compr_flags=int(ComprFlag.FLUSH_OUTPUT | ComprFlag.APPEND_EOB),
    src2_addr=0,
    max_dst_size=0x1000,
    src2_size=0,
    filter_flags=0,
    num_inputs=0,
)
DECOMPRESS = COMPRESS._replace(
    flags_opcode=word(Opcode.DECOMPRESS), compr_flags=int(DECOMPRESS_FLAGS)
)
NOOP = Descriptor(PASID, word(Opcode.NOOP), *[0] * 11)


def asking(descriptor: Descriptor, int_handle: int) -> Descriptor:
    """Give *descriptor* with the wish to be told of its completion."""
    return descriptor._replace(
        flags_opcode=descriptor.flags_opcode | int(Flag.RCI), int_handle=int_handle
    )


def packed(*descriptors: Descriptor) -> bytes:
    """Give *descriptors* as they lie in a lane."""
    return b"".join(DESCRIPTOR_STRUCT.pack(*each) for each in descriptors)
