"""Zstandard frames of others, and frames that lie."""

import os
import struct
import tracemalloc
from pathlib import Path

import pytest
import zstandard

from mpzswap.codec.zstd import Zstd
from mpzswap.errors import CorruptStreamError, OutputOverflowError

TEXT = Path(os.__file__).read_bytes()
MAGIC = b"\x28\xb5\x2f\xfd"
# RFC 8878, 3.1.1.2: a block of 128 KiB made of one byte; bit 0 is set in the last.
RUN_BYTES = 128 << 10
RUN = (1 << 1 | RUN_BYTES << 3).to_bytes(3, "little") + b"A"
LAST_RUN = (1 | 1 << 1 | RUN_BYTES << 3).to_bytes(3, "little") + b"A"


def claiming(size: int) -> bytes:
    """Give a frame of 8 MiB that claims to hold *size* bytes."""
    header = MAGIC + bytes([0xC0, 0x80]) + struct.pack("<Q", size)
    return header + RUN * 63 + LAST_RUN


def unsized(data: bytes) -> bytes:
    """Give a frame that does not say how much it holds."""
    return zstandard.ZstdCompressor(write_content_size=False).compress(data)


def test_frame_that_tells_the_truth_is_read() -> None:
    """The frames that the tests below write by hand are right but for the claim."""
    size = 64 * RUN_BYTES

    assert Zstd().decompress(memoryview(claiming(size)), size) == b"A" * size


@pytest.mark.parametrize("size", [1, 100, 4096, 64 * RUN_BYTES + 1])
def test_frame_that_lies_is_corrupt(size: int) -> None:
    """More or less comes out than was claimed."""
    with pytest.raises(CorruptStreamError):
        Zstd().decompress(memoryview(claiming(size)), 1 << 24)


def test_frame_that_claims_to_be_empty_is_looked_into() -> None:
    """The library would believe it and look no further."""
    tracemalloc.start()
    try:
        with pytest.raises(CorruptStreamError):
            Zstd().decompress(memoryview(claiming(0)), 4096)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1 << 20


@pytest.mark.parametrize("size", [4097, 1 << 62, 1 << 63, (1 << 64) - 3])
def test_claim_beyond_the_limit_is_an_overflow(size: int) -> None:
    """Nothing is allocated for a claim."""
    with pytest.raises(OutputOverflowError):
        Zstd().decompress(memoryview(claiming(size)), 4096)


@pytest.mark.parametrize("size", [0, 1, 4096, 300_000])
def test_frame_without_a_size_is_read(size: int) -> None:
    """Whoever streams cannot know it beforehand."""
    data = (TEXT * 10)[:size]

    assert Zstd().decompress(memoryview(unsized(data)), size) == data


def test_frame_without_a_size_is_held_to_the_limit() -> None:
    """Too large, cut short and followed by something are told apart."""
    frame = unsized(TEXT[:4096])

    for limit in (0, 1, 4094, 4095):
        with pytest.raises(OutputOverflowError):
            Zstd().decompress(memoryview(frame), limit)
    for length in range(len(frame)):
        with pytest.raises(CorruptStreamError):
            Zstd().decompress(memoryview(frame[:length]), 4096)
    with pytest.raises(CorruptStreamError):
        Zstd().decompress(memoryview(frame + b"\0"), 4096)


def test_bomb_without_a_size_takes_no_memory() -> None:
    """It is undone only as far as the limit."""
    bomb = memoryview(unsized(bytes(8 << 20)))

    tracemalloc.start()
    try:
        with pytest.raises(OutputOverflowError):
            Zstd().decompress(bomb, 4096)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1 << 20


def test_frame_that_wants_a_huge_window_is_corrupt() -> None:
    """Two GiB of window for three bytes."""
    frame = MAGIC + bytes([0x00, (31 - 10) << 3]) + b"\x19\x00\x00abc"

    with pytest.raises(CorruptStreamError):
        Zstd().decompress(memoryview(frame), 4096)


def test_frame_with_a_checksum_is_read_and_checked() -> None:
    """We write none, but one that is there must be right."""
    frame = zstandard.ZstdCompressor(write_checksum=True).compress(TEXT[:4096])
    wrong = frame[:-1] + bytes([frame[-1] ^ 1])

    assert Zstd().decompress(memoryview(frame), 4096) == TEXT[:4096]
    with pytest.raises(CorruptStreamError):
        Zstd().decompress(memoryview(wrong), 4096)


def test_frame_of_many_blocks_is_read() -> None:
    """Flushed in between, as a stream is."""
    stream = zstandard.ZstdCompressor().compressobj()
    parts = [stream.compress(TEXT[:1000])]
    parts += [stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)]
    frame = b"".join((*parts, stream.compress(TEXT[1000:4096]), stream.flush()))

    assert Zstd().decompress(memoryview(frame), 4096) == TEXT[:4096]


def test_two_frames_are_corrupt() -> None:
    """A stream is one frame; nothing hides behind it, not even an empty one."""
    frame, empty = (Zstd().compress(memoryview(data)) for data in (b"data", b""))

    for two in (frame + frame, frame + empty, empty + frame, empty + empty):
        with pytest.raises(CorruptStreamError):
            Zstd().decompress(memoryview(two), 4096)


def test_frame_for_a_dictionary_is_corrupt() -> None:
    """We have no dictionary; the frame says that it needs one."""
    dictionary = zstandard.ZstdCompressionDict(b"word" * 100 + TEXT[:4000])
    compressor = zstandard.ZstdCompressor(dict_data=dictionary)
    frame = compressor.compress(TEXT[:4096])

    with pytest.raises(CorruptStreamError):
        Zstd().decompress(memoryview(frame), 4096)


def test_others_read_our_frames() -> None:
    """They say how much they hold."""
    frame = Zstd().compress(memoryview(TEXT[:4096]))

    assert zstandard.frame_content_size(frame) == 4096
    assert zstandard.decompress(frame) == TEXT[:4096]


def test_default_level_is_the_kernels() -> None:
    """The compressor zstd in zswap is level 3."""
    assert Zstd().level == 3
    page = memoryview(TEXT[:4096])
    assert Zstd().compress(page) == zstandard.ZstdCompressor(level=3).compress(page)
