"""A wire record as a table of rows; the table is the dtype, and the packer."""

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

# What struct calls the types that the tables use.
STRUCT_CODES = {"u1": "B", "<u2": "H", "<u4": "I", "<u8": "Q"}


class Field(NamedTuple):
    """One row of a record: what it is called, how wide, where, what it means."""

    name: str
    type: str
    at: int
    meaning: str


def record(size: int, fields: Sequence[Field]) -> np.dtype[Any]:
    """
    Give the dtype of a record of *size* bytes.

    Raises:
        ValueError: a row does not begin where the last one ended, its bytes are in
            no written order, or the last row does not end at *size*.
    """
    end = 0
    for field in fields:
        if field.at != end:
            raise ValueError(f"{field.name}: at byte {field.at}, must be at {end}")
        if field.type not in STRUCT_CODES:
            raise ValueError(
                f"{field.name}: type {field.type}, must be one of "
                + ", ".join(STRUCT_CODES)
            )
        end += np.dtype(field.type).itemsize
    if end != size:
        raise ValueError(f"the fields end at byte {end}, the record at {size}")
    return np.dtype(
        {
            "names": [field.name for field in fields],
            "formats": [field.type for field in fields],
            "offsets": [field.at for field in fields],
            "itemsize": size,
        }
    )


def packer(fields: Sequence[Field]) -> struct.Struct:
    """Give the same record for one at a time: cheaper than an array of one."""
    return struct.Struct("<" + "".join(STRUCT_CODES[field.type] for field in fields))
