"""
The work descriptor: 64 bytes that tell a device what to do.

Source: Linux, include/uapi/linux/idxd.h, struct iax_hw_desc.  Little-endian.
"""

from enum import IntEnum, IntFlag
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.layout import Field, packer, record

# fmt: off
FIELDS = (
    #     name               type  at  meaning
    Field("pasid_priv",      "<u4",  0, "pasid 0-19, reserved 20-30, priv 31"),
    Field("flags_opcode",    "<u4",  4, "flags 0-23, opcode 24-31"),
    Field("completion_addr", "<u8",  8, "where the device writes the completion"),
    Field("src1_addr",       "<u8", 16, "input"),
    Field("dst_addr",        "<u8", 24, "output"),
    Field("src1_size",       "<u4", 32, "input, bytes"),
    Field("int_handle",      "<u2", 36, "interrupt to raise; 0: polled"),
    Field("compr_flags",     "<u2", 38, "decompr_flags when decompressing"),
    Field("src2_addr",       "<u8", 40, "AECS table"),
    Field("max_dst_size",    "<u4", 48, "room for output, bytes"),
    Field("src2_size",       "<u4", 52, "AECS table, bytes"),
    Field("filter_flags",    "<u4", 56, "not used by compression: 0"),
    Field("num_inputs",      "<u4", 60, "not used by compression: 0"),
)
# fmt: on
DESCRIPTOR_BYTES = 64
DESCRIPTOR = record(DESCRIPTOR_BYTES, FIELDS)
DESCRIPTOR_STRUCT = packer(FIELDS)

# Descriptors as rows of 8 words, which are filled and compared by columns.
Rows: TypeAlias = NDArray[np.uint64]
# The words that name something; the last of them in its lower half.
COMPLETION, SOURCE, TARGET, SIZE = 1, 2, 3, 4
WORDS = DESCRIPTOR_BYTES // 8

FLAGS_BITS = 24
FLAGS_MASK = (1 << FLAGS_BITS) - 1
PASID_MASK = (1 << 20) - 1


class Opcode(IntEnum):
    """What to do.  Source: idxd.h, enum iax_opcode; those that we run."""

    NOOP = 0
    DRAIN = 2
    DECOMPRESS = 0x42
    COMPRESS = 0x43


class Flag(IntFlag):
    """How to do it.  Source: idxd.h, IDXD_OP_FLAG_*."""

    FENCE = 0x1
    BLOCK_ON_FAULT = 0x2
    # The completion address is valid.
    CRAV = 0x4
    # Write a completion record also where all went well.
    RCR = 0x8
    # Raise an interrupt with the completion.
    RCI = 0x10
    CACHE_CONTROL = 0x100
    RD_SRC2_AECS = 0x10000


class ComprFlag(IntFlag):
    """Compression.  Source: Linux, drivers/crypto/intel/iaa/iaa_crypto.h."""

    FLUSH_OUTPUT = 1 << 1
    APPEND_EOB = 1 << 2


class DecomprFlag(IntFlag):
    """Decompression.  Source: the same file."""

    ENABLE_DECOMP = 1 << 0
    FLUSH_OUTPUT = 1 << 1
    CHECK_FOR_EOB = 1 << 2
    STOP_ON_EOB = 1 << 3
    SUPPRESS_OUTPUT = 1 << 9


def pack_flags_opcode(flags: int, opcode: int) -> int:
    """Join flags and opcode into their word; ``unpack_flags_opcode`` undoes it."""
    return opcode << FLAGS_BITS | flags


def unpack_flags_opcode(word: int) -> tuple[int, int]:
    """Give the flags and the opcode of their word."""
    return word & FLAGS_MASK, word >> FLAGS_BITS


def side_by_side(count: int, record_bytes: int) -> Rows:
    """
    Give what words of descriptors have more than those of the first one.

    That is where all that they name lies side by side: a completion record of
    *record_bytes*, a page and a page further each time.
    """
    step = np.zeros(WORDS, "<u8")
    step[[COMPLETION, SOURCE, TARGET]] = record_bytes, PAGE_SIZE, PAGE_SIZE
    rows: Rows = np.outer(np.arange(count, dtype="<u8"), step)
    return rows
