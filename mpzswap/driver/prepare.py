"""Fill a descriptor; nothing else: zeros included, since slots are used again."""

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
COMPRESS_WORD = pack_flags_opcode(FLAGS, Opcode.COMPRESS)
DECOMPRESS_WORD = pack_flags_opcode(FLAGS, Opcode.DECOMPRESS)
COMPRESS_FLAGS = int(ComprFlag.FLUSH_OUTPUT | ComprFlag.APPEND_EOB)
DECOMPRESS_FLAGS = int(
    DecomprFlag.ENABLE_DECOMP
    | DecomprFlag.FLUSH_OUTPUT
    | DecomprFlag.CHECK_FOR_EOB
    | DecomprFlag.STOP_ON_EOB
)

_pack_into = DESCRIPTOR_STRUCT.pack_into


def prep_compress(
    slot: tuple[memoryview, int], pasid: int, completion: int, page: int, buffer: int
) -> None:
    """Compress a *page* into a *buffer* of a page; all are device addresses."""
    _pack_into(
        *slot,
        *(pasid, COMPRESS_WORD, completion, page, buffer),
        *(PAGE_SIZE, 0, COMPRESS_FLAGS, 0, PAGE_SIZE, 0, 0, 0),
    )


def prep_decompress(
    slot: tuple[memoryview, int],
    pasid: int,
    completion: int,
    source: tuple[int, int],
    page: int,
) -> None:
    """Decompress *source* (address, bytes) into a *page*."""
    _pack_into(
        *slot,
        *(pasid, DECOMPRESS_WORD, completion, source[0], page),
        *(source[1], 0, DECOMPRESS_FLAGS, 0, PAGE_SIZE, 0, 0, 0),
    )
