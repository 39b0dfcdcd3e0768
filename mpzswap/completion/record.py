"""
The completion record: 64 bytes in which a device answers.

Source: Linux, include/uapi/linux/idxd.h, struct iax_completion_record.
Little-endian.  It lies in memory of the submitter; the device writes ``status``
last, so whoever sees a status sees the rest; and takes away first whatever status was
there, so that nobody sees that one beside the new rest.

The last sixteen bytes are reserved in the kernel's record.  Here the device leaves
its two time stamps there (CLOCK_MONOTONIC, ns): a submitter learns from them how
long the work took, apart from how late it looked.
"""

from array import array
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mpzswap.ring.layout import Field, packer, record

# fmt: off
FIELDS = (
    #     name               type  at  meaning
    Field("status",          "u1",   0, "completion.status.Status; written last"),
    Field("error_code",      "u1",   1, "beside ANALYTICS_ERROR"),
    Field("fault_info",      "u1",   2, "of a page fault"),
    Field("reserved_03",     "u1",   3, "0"),
    Field("bytes_completed", "<u4",  4, "of the input"),
    Field("fault_addr",      "<u8",  8, "address that could not be reached"),
    Field("invalid_flags",   "<u4", 16, "flags that were refused"),
    Field("reserved_20",     "<u4", 20, "0"),
    Field("output_size",     "<u4", 24, "bytes written"),
    Field("output_bits",     "u1",  28, "of the last byte; 0: all"),
    Field("reserved_29",     "u1",  29, "0"),
    Field("xor_csum",        "<u2", 30, "not computed: 0"),
    Field("crc",             "<u4", 32, "CRC-32 of the uncompressed side"),
    Field("min",             "<u4", 36, "not used by compression: 0"),
    Field("max",             "<u4", 40, "not used by compression: 0"),
    Field("sum",             "<u4", 44, "not used by compression: 0"),
    Field("taken_ns",        "<u8", 48, "reserved there; when it was taken"),
    Field("completed_ns",    "<u8", 56, "reserved there; when it was done"),
)
# fmt: on
RECORD_BYTES = 64
RECORD = record(RECORD_BYTES, FIELDS)
RECORD_STRUCT = packer(FIELDS)

WORDS = RECORD_BYTES // 8

# All but the status: what is written first.
BODY_STRUCT = packer(FIELDS[1:])
BODY_AT = FIELDS[1].at
AT = {field.name: field.at for field in FIELDS}
ERROR_CODE_AT, SIZE_AT, TAKEN_AT = AT["error_code"], AT["output_size"], AT["taken_ns"]


def write_record(
    memory: memoryview, status: int, body: tuple[int, ...] = (0,) * (len(FIELDS) - 1)
) -> None:
    """Write the record in *memory*: no status, the body, the status that publishes."""
    memory[0] = 0
    BODY_STRUCT.pack_into(memory, BODY_AT, *body)
    memory[0] = status


class RecordColumns(NamedTuple):
    """What goes into records that lie side by side; what is not here is 0."""

    # Empty: all are 0.
    error_codes: bytes
    bytes_completed: Sequence[int]
    output_sizes: Sequence[int]
    crcs: Sequence[int]
    # A row a record: taken_ns, completed_ns.
    stamps: NDArray[np.uint64]


def write_records(memory: memoryview, statuses: bytes, columns: RecordColumns) -> None:
    """
    Write all records in *memory*, in the order of ``write_record``.

    Column by column: some calls for all of them, and not for each.  They are put
    together in memory of our own, since whoever polls meanwhile takes the lines of
    the shared one from us.
    """
    words = np.zeros((len(statuses), WORDS), "<u8")
    halves, octets = words.view("<u4"), words.view("u1")
    if columns.error_codes:
        octets[:, ERROR_CODE_AT] = memoryview(columns.error_codes)
    # As arrays: numpy takes lists number by number.
    halves[:, AT["bytes_completed"] // 4] = array("I", columns.bytes_completed)
    halves[:, SIZE_AT // 4] = array("I", columns.output_sizes)
    halves[:, AT["crc"] // 4] = array("I", columns.crcs)
    words[:, TAKEN_AT // 8 :] = columns.stamps
    # No status, and no stamp that could make one count, before the rest is there.
    memory[::RECORD_BYTES] = bytes(len(statuses))
    memory[:] = octets.reshape(-1).data
    # The stores that publish come last.
    memory[::RECORD_BYTES] = statuses
