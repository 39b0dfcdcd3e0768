"""
The bytes on the wire, written out by hand.

Source: Linux, include/uapi/linux/idxd.h, struct iax_hw_desc and struct
iax_completion_record; little-endian.  None of these was made by running the code.
"""

import numpy as np
import pytest

from mpzswap.completion.record import RECORD_BYTES, write_record
from mpzswap.driver.prepare import Sender, prep_compress, prep_decompress
from mpzswap.ring.descriptor import DESCRIPTOR_BYTES, Rows

PASID = 0x12345
# Segment 2, the second cache line; segment 3, the second page; segment 2, the third.
COMPLETION = 0x0000_0200_0000_0040
PAGE = 0x0000_0300_0000_1000
BUFFER = 0x0000_0200_0000_2000

COMPRESS = """
    45 23 01 00                 pasid 0x12345, priv 0
    0c 00 00                    flags: CRAV 0x4, RCR 0x8
    43                          opcode COMPRESS
    40 00 00 00 00 02 00 00     completion_addr
    00 10 00 00 00 03 00 00     src1_addr: the page
    00 20 00 00 00 02 00 00     dst_addr: the buffer
    00 10 00 00                 src1_size 4096
    00 00                       int_handle
    06 00                       compr_flags: FLUSH_OUTPUT 0x2, APPEND_EOB 0x4
    00 00 00 00 00 00 00 00     src2_addr
    00 10 00 00                 max_dst_size 4096
    00 00 00 00                 src2_size
    00 00 00 00                 filter_flags
    00 00 00 00                 num_inputs
"""

DECOMPRESS = """
    45 23 01 00                 pasid 0x12345, priv 0
    0c 00 00                    flags: CRAV 0x4, RCR 0x8
    42                          opcode DECOMPRESS
    40 00 00 00 00 02 00 00     completion_addr
    00 20 00 00 00 02 00 00     src1_addr: the buffer
    00 10 00 00 00 03 00 00     dst_addr: the page
    d2 04 00 00                 src1_size 1234
    00 00                       int_handle
    0f 00                       ENABLE 0x1, FLUSH 0x2, CHECK_EOB 0x4, STOP_EOB 0x8
    00 00 00 00 00 00 00 00     src2_addr
    00 10 00 00                 max_dst_size 4096
    00 00 00 00                 src2_size
    00 00 00 00                 filter_flags
    00 00 00 00                 num_inputs
"""

RECORD = """
    0a                          status ANALYTICS_ERROR
    19                          error_code COMP_BUF_OVERFLOW
    01                          fault_info
    00                          rsvd
    00 10 00 00                 bytes_completed 4096
    00 10 00 00 00 03 00 00     fault_addr: the page
    00 02 00 00                 invalid_flags 0x200
    00 00 00 00                 rsvd2
    d2 04 00 00                 output_size 1234
    07                          output_bits
    00                          rsvd3
    cd ab                       xor_csum 0xabcd
    26 39 f4 cb                 crc 0xcbf43926
    01 00 00 00                 min
    02 00 00 00                 max
    03 00 00 00                 sum
    08 07 06 05 04 03 02 01     taken_ns (rsvd4[0])
    18 17 16 15 14 13 12 11     completed_ns (rsvd4[1])
"""

COLUMN = 32


def by_hand(dump: str) -> bytes:
    """Give the bytes of the left column of *dump*."""
    return bytes.fromhex("".join(line[:COLUMN] for line in dump.splitlines()))


def rows_of(slots: bytearray) -> Rows:
    """See slots as the rows that are filled."""
    return np.frombuffer(slots, "<u8").reshape(-1, 8)


def compress_one(row: Rows, sender: Sender) -> None:
    """Prepare the compression that is written down above."""
    prep_compress(row, sender.compress, COMPLETION, [PAGE], BUFFER)


def decompress_one(row: Rows, sender: Sender) -> None:
    """Prepare the decompression that is written down above."""
    prep_decompress(row, sender.decompress, COMPLETION, ([BUFFER], [1234]), [PAGE])


PREPARE = {"compress": compress_one, "decompress": decompress_one}
DUMP = {"compress": COMPRESS, "decompress": DECOMPRESS}


@pytest.mark.parametrize("before", [0x00, 0xFF])
@pytest.mark.parametrize("what", PREPARE)
def test_descriptor_bytes(what: str, before: int) -> None:
    """Every byte is written, whatever was in the slot."""
    slots = bytearray([before] * 3 * DESCRIPTOR_BYTES)
    PREPARE[what](rows_of(slots)[1:2], Sender.of(PASID))

    assert slots[64:128].hex(" ") == by_hand(DUMP[what]).hex(" ")
    assert slots[:64] == slots[128:] == bytes([before] * 64)


@pytest.mark.parametrize("what", PREPARE)
def test_sender_can_be_used_again(what: str) -> None:
    """What it named last is not left in the next descriptor."""
    slots, sender = bytearray(2 * DESCRIPTOR_BYTES), Sender.of(PASID)
    pages, buffers = [PAGE + 4096, PAGE], [BUFFER + 8, BUFFER + 9]
    prep_compress(rows_of(slots), sender.compress, 64, pages, BUFFER)
    prep_decompress(rows_of(slots), sender.decompress, 64, (buffers, [9, 8]), pages)
    PREPARE[what](rows_of(slots)[1:2], sender)

    assert slots[64:128].hex(" ") == by_hand(DUMP[what]).hex(" ")


@pytest.mark.parametrize("what", PREPARE)
def test_descriptor_asks_for_the_interrupt_of_its_sender(what: str) -> None:
    """RCI beside the other flags, and the handle: nothing else differs."""
    slots = bytearray(2 * DESCRIPTOR_BYTES)
    for slot, sender in enumerate((Sender.of(PASID), Sender.of(PASID, 0x0102))):
        PREPARE[what](rows_of(slots)[slot : slot + 1], sender)
    differ = {at: slots[64 + at] for at in range(64) if slots[at] != slots[64 + at]}

    # Flags 0-23 of the word at 4; int_handle at 36.
    assert differ == {4: 0x0C | 0x10, 36: 0x02, 37: 0x01}


def test_verifying_descriptor_suppresses_its_output() -> None:
    """A decompression with bit 9 of its flags, IAA_DECOMP_SUPPRESS_OUTPUT."""
    slots, sender = bytearray(2 * DESCRIPTOR_BYTES), Sender.of(PASID)
    for slot, row in enumerate((sender.decompress, sender.verify)):
        rows = rows_of(slots)[slot : slot + 1]
        prep_decompress(rows, row, COMPLETION, ([BUFFER], [12]), [PAGE])
    differ = {at: slots[64 + at] for at in range(64) if slots[at] != slots[64 + at]}

    # decompr_flags at 38.
    assert differ == {39: 0x02}


def test_completion_record_bytes() -> None:
    """Every field is where the kernel's struct has it."""
    memory = bytearray(RECORD_BYTES)
    write_record(
        memoryview(memory),
        0x0A,
        (
            *(0x19, 1, 0, 4096, PAGE, 0x200, 0, 1234, 7, 0, 0xABCD, 0xCBF43926),
            *(1, 2, 3, 0x0102030405060708, 0x1112131415161718),
        ),
    )

    assert memory.hex(" ") == by_hand(RECORD).hex(" ")
