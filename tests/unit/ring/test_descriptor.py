"""The descriptor is iax_hw_desc, byte for byte."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from mpzswap.ring.descriptor import (
    DESCRIPTOR,
    DESCRIPTOR_BYTES,
    DESCRIPTOR_STRUCT,
    FIELDS,
    FLAGS_MASK,
    Opcode,
    pack_flags_opcode,
    unpack_flags_opcode,
)

# Linux, include/uapi/linux/idxd.h, struct iax_hw_desc: name and offset.
OFFSETS = {
    "pasid_priv": 0,
    "flags_opcode": 4,
    "completion_addr": 8,
    "src1_addr": 16,
    "dst_addr": 24,
    "src1_size": 32,
    "int_handle": 36,
    "compr_flags": 38,
    "src2_addr": 40,
    "max_dst_size": 48,
    "src2_size": 52,
    "filter_flags": 56,
    "num_inputs": 60,
}


def test_descriptor_has_64_bytes() -> None:
    """As ENQCMDS and MOVDIR64B submit it."""
    assert DESCRIPTOR_BYTES == DESCRIPTOR.itemsize == DESCRIPTOR_STRUCT.size == 64


def test_fields_lie_where_the_kernel_has_them() -> None:
    """The offsets are those of the kernel's struct."""
    assert {field.name: field.at for field in FIELDS} == OFFSETS


def test_flags_fill_the_low_24_bits_and_the_opcode_the_high_8() -> None:
    """As the bit fields of the kernel's struct lie in memory."""
    word = pack_flags_opcode(0x01000C, Opcode.COMPRESS)

    assert struct.pack("<I", word) == bytes([0x0C, 0x00, 0x01, 0x43])


@given(flags=st.integers(0, FLAGS_MASK), opcode=st.integers(0, 255))
def test_flags_and_opcode_come_back(flags: int, opcode: int) -> None:
    """Unpacking undoes packing, for every value."""
    assert unpack_flags_opcode(pack_flags_opcode(flags, opcode)) == (flags, opcode)


@given(word=st.integers(0, 2**32 - 1))
def test_every_word_can_be_unpacked(word: int) -> None:
    """Whatever a submitter writes is flags and an opcode, and the same again."""
    assert pack_flags_opcode(*unpack_flags_opcode(word)) == word
