"""
Fill descriptors; nothing else: zeros included, since slots are used again.

The descriptors of a run differ in what they name alone, and that mostly lies side by
side: each is the one before it, a record and a page further.  So a run is filled by
one addition, whatever its length, and a column that is not side by side by one more.

    row of the sender + first addresses     the same for all
    + steps                                 0, 1, 2, ... records and pages further
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mpzswap.completion.record import RECORD_BYTES
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.descriptor import (
    COMPLETION,
    DESCRIPTOR_STRUCT,
    SIZE,
    SOURCE,
    TARGET,
    ComprFlag,
    DecomprFlag,
    Flag,
    Opcode,
    Rows,
    pack_flags_opcode,
    side_by_side,
)
from mpzswap.topology.model import MAX_WORK_QUEUE_SIZE

FLAGS = Flag.CRAV | Flag.RCR

# As iaa_crypto sets them: drivers/crypto/intel/iaa/iaa_crypto.h,
# IAA_COMP_FLAGS and IAA_DECOMP_FLAGS.
COMPRESS_FLAGS = int(ComprFlag.FLUSH_OUTPUT | ComprFlag.APPEND_EOB)
DECOMPRESS_FLAGS = int(
    DecomprFlag.ENABLE_DECOMP
    | DecomprFlag.FLUSH_OUTPUT
    | DecomprFlag.CHECK_FOR_EOB
    | DecomprFlag.STOP_ON_EOB
)
# iaa_crypto_main.c, iaa_compress_verify.
VERIFY_FLAGS = DECOMPRESS_FLAGS | int(DecomprFlag.SUPPRESS_OUTPUT)

STEPS = side_by_side(MAX_WORK_QUEUE_SIZE, RECORD_BYTES)

Row = NDArray[np.uint64]


class Sender(NamedTuple):
    """What is the same in all descriptors of a submitter, whose they alone are."""

    compress: Row
    decompress: Row
    # A decompression that writes nothing: for its CRC.
    verify: Row

    @classmethod
    def of(cls, pasid: int, int_handle: int = 0) -> Self:
        """Give the sender for an address space; its interrupt, 0: none."""
        flags = int(FLAGS | Flag.RCI if int_handle else FLAGS)

        def row(opcode: Opcode, op_flags: int, src1_size: int) -> Row:
            word = pack_flags_opcode(flags, opcode)
            fields = (
                *(pasid, word, 0, 0, 0, src1_size, int_handle, op_flags),
                *(0, PAGE_SIZE, 0, 0, 0),
            )
            return np.frombuffer(bytearray(DESCRIPTOR_STRUCT.pack(*fields)), "<u8")

        return cls(
            row(Opcode.COMPRESS, COMPRESS_FLAGS, PAGE_SIZE),
            row(Opcode.DECOMPRESS, DECOMPRESS_FLAGS, 0),
            row(Opcode.DECOMPRESS, VERIFY_FLAGS, 0),
        )


def prep_compress(
    slots: Rows, row: Row, completion: int, pages: Sequence[int], buffer: int
) -> None:
    """
    Compress *pages* into buffers of a page that lie side by side from *buffer* on.

    Args:
        slots: one a page.
        row: of the sender.
        completion: the first record; all are device addresses.
        pages: where each page is; a range of whole pages costs least.
        buffer: the first of them.
    """
    row[COMPLETION], row[SOURCE], row[TARGET] = completion, pages[0], buffer
    np.add(STEPS[: len(slots)], row, out=slots)
    if not _side_by_side(pages):
        slots[:, SOURCE] = pages


def prep_decompress(
    slots: Rows,
    row: Row,
    completion: int,
    sources: tuple[Sequence[int], Sequence[int]],
    pages: Sequence[int],
) -> None:
    """Decompress *sources* (addresses, bytes of each) into *pages*; see above."""
    addresses, sizes = sources
    row[COMPLETION], row[SOURCE], row[TARGET] = completion, addresses[0], pages[0]
    np.add(STEPS[: len(slots)], row, out=slots)
    # The lower half, which is 0 in the row.
    slots[:, SIZE] |= np.array(sizes, "<u8")
    if not _side_by_side(addresses):
        slots[:, SOURCE] = addresses
    if not _side_by_side(pages):
        slots[:, TARGET] = pages


def _side_by_side(addresses: Sequence[int]) -> bool:
    """Tell whether these are known to be pages in a row; a list is not looked into."""
    return isinstance(addresses, range) and addresses.step == PAGE_SIZE
