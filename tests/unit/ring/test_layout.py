"""A record is a table without gaps, and its two readings agree."""

import numpy as np
import pytest

from mpzswap.ring.layout import Field, packer, record

GOOD = (
    Field("kind", "u1", 0, "a byte"),
    Field("flags", "u1", 1, "another"),
    Field("length", "<u2", 2, "a half word"),
    Field("size", "<u4", 4, "a word"),
    Field("address", "<u8", 8, "a double word"),
)


def test_record_lays_the_fields_where_the_table_says() -> None:
    """The dtype has the table's names, offsets and size."""
    dtype = record(16, GOOD)

    assert dtype.itemsize == 16
    assert dtype.fields is not None
    assert [(name, dtype.fields[name][1]) for name in dtype.names or ()] == [
        (field.name, field.at) for field in GOOD
    ]


def test_packer_and_dtype_are_the_same_record() -> None:
    """What is packed one at a time is read as an array."""
    packed = packer(GOOD).pack(1, 2, 0x0304, 0x05060708, 0x090A0B0C0D0E0F10)

    assert len(packed) == 16
    assert np.frombuffer(packed, record(16, GOOD))[0].tolist() == (
        *(1, 2, 0x0304, 0x05060708),
        0x090A0B0C0D0E0F10,
    )


def test_gap_is_refused() -> None:
    """A field that begins after the end of the last one leaves bytes unnamed."""
    with pytest.raises(ValueError, match="second: at byte 2, must be at 1"):
        record(3, (Field("first", "u1", 0, ""), Field("second", "u1", 2, "")))


def test_overlap_is_refused() -> None:
    """A field may not begin before the end of the last one."""
    with pytest.raises(ValueError, match="second: at byte 2, must be at 4"):
        record(6, (Field("first", "<u4", 0, ""), Field("second", "<u4", 2, "")))


@pytest.mark.parametrize("size", [15, 17])
def test_wrong_size_is_refused(size: int) -> None:
    """The fields must end where the record does."""
    with pytest.raises(ValueError, match=f"end at byte 16, the record at {size}"):
        record(size, GOOD)


@pytest.mark.parametrize("kind", ["u4", ">u4", "=u4", "<i4", "<f4", "S4"])
def test_type_without_little_endian_order_is_refused(kind: str) -> None:
    """A wire record is the same on every machine, so its order is written."""
    with pytest.raises(ValueError, match="word: type"):
        record(4, (Field("word", kind, 0, ""),))
