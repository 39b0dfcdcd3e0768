"""The completion record is iax_completion_record, and its status comes last."""

from typing import cast

import numpy as np

from mpzswap.completion.record import (
    FIELDS,
    RECORD,
    RECORD_BYTES,
    RECORD_STRUCT,
    write_record,
)

# Linux, include/uapi/linux/idxd.h, struct iax_completion_record; the last sixteen
# bytes are rsvd4 there.
OFFSETS = {
    "status": 0,
    "error_code": 1,
    "fault_info": 2,
    "reserved_03": 3,
    "bytes_completed": 4,
    "fault_addr": 8,
    "invalid_flags": 16,
    "reserved_20": 20,
    "output_size": 24,
    "output_bits": 28,
    "reserved_29": 29,
    "xor_csum": 30,
    "crc": 32,
    "min": 36,
    "max": 40,
    "sum": 44,
    "taken_ns": 48,
    "completed_ns": 56,
}
BODY = tuple(range(1, len(FIELDS)))


class Watched(bytearray):
    """Memory that keeps what was in it whenever a single byte is stored."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.before: list[tuple[object, bytes]] = []

    def __setitem__(self, index: object, value: object) -> None:
        """Store, and remember what was there before."""
        self.before.append((index, bytes(self)))
        super().__setitem__(index, value)  # type: ignore[call-overload] # both kinds


def test_record_has_64_bytes() -> None:
    """One cache line."""
    assert RECORD_BYTES == RECORD.itemsize == RECORD_STRUCT.size == 64


def test_fields_lie_where_the_kernel_has_them() -> None:
    """The offsets are those of the kernel's struct."""
    assert {field.name: field.at for field in FIELDS} == OFFSETS


def test_every_field_is_written() -> None:
    """In the order of the table, over whatever was there."""
    memory = bytearray(b"\xff" * RECORD_BYTES)
    write_record(memoryview(memory), 0x0A, BODY)

    assert np.frombuffer(memory, RECORD)[0].tolist() == (0x0A, *BODY)


def test_body_is_zero_unless_given() -> None:
    """A record of nothing but a status."""
    memory = bytearray(b"\xff" * RECORD_BYTES)
    write_record(memoryview(memory), 1)

    assert memory == bytes([1]) + bytes(63)


def test_status_is_written_last() -> None:
    """Whoever sees it sees the rest: all is there before, the old status included."""
    memory = Watched(RECORD_BYTES)
    write_record(cast("memoryview", memory), 1, BODY)

    assert memory.before[-1] == (0, bytes([0]) + bytes(memory[1:]))
    assert RECORD_STRUCT.unpack(memory) == (1, *BODY)


def test_old_status_is_gone_before_anything_is_written() -> None:
    """Nobody sees it beside what belongs to the new one."""
    memory = Watched(RECORD_BYTES)
    write_record(cast("memoryview", memory), 0x0A, BODY)
    old = bytes(memory)
    memory.before.clear()
    write_record(cast("memoryview", memory), 1)

    assert memory.before == [(0, old), (0, bytes(RECORD_BYTES))]


def test_neighbours_are_left_alone() -> None:
    """A record is its 64 bytes and no more."""
    memory = bytearray(b"\xee" * (3 * RECORD_BYTES))
    write_record(memoryview(memory)[64:128], 1, BODY)

    assert memory[:64] == memory[128:] == b"\xee" * 64
