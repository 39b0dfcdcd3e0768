"""Fill a descriptor; nothing else: zeros included, since slots are used again."""

from typing import NamedTuple, Self

from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.descriptor import (
    DESCRIPTOR_STRUCT,
    ComprFlag,
    DecomprFlag,
    Flag,
    Opcode,
    pack_flags_opcode,
)

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

_pack_into = DESCRIPTOR_STRUCT.pack_into


class Sender(NamedTuple):
    """What is the same in all descriptors of a submitter."""

    pasid: int
    # The interrupt to raise with each completion; 0: none.
    int_handle: int
    compress_word: int
    decompress_word: int
    decompress_flags: int

    @classmethod
    def of(cls, pasid: int, int_handle: int = 0) -> Self:
        """Give the sender for an address space and its interrupt."""
        flags = int(FLAGS | Flag.RCI if int_handle else FLAGS)
        return cls(
            pasid,
            int_handle,
            pack_flags_opcode(flags, Opcode.COMPRESS),
            pack_flags_opcode(flags, Opcode.DECOMPRESS),
            DECOMPRESS_FLAGS,
        )

    def verifying(self) -> Self:
        """Give the same, whose decompressions write nothing: for their CRC."""
        return self._replace(decompress_flags=VERIFY_FLAGS)


def prep_compress(
    slot: tuple[memoryview, int],
    sender: Sender,
    completion: int,
    page: int,
    buffer: int,
) -> None:
    """Compress a *page* into a *buffer* of a page; all are device addresses."""
    _pack_into(
        *slot,
        *(sender.pasid, sender.compress_word, completion, page, buffer),
        *(PAGE_SIZE, sender.int_handle, COMPRESS_FLAGS, 0, PAGE_SIZE, 0, 0, 0),
    )


def prep_decompress(
    slot: tuple[memoryview, int],
    sender: Sender,
    completion: int,
    source: tuple[int, int],
    page: int,
) -> None:
    """Decompress *source* (address, bytes) into a *page*."""
    pasid, int_handle, _, word, flags = sender
    _pack_into(
        *slot,
        *(pasid, word, completion, source[0], page),
        *(source[1], int_handle, flags, 0, PAGE_SIZE, 0, 0, 0),
    )
