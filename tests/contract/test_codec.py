"""Every codec keeps the promises of mpzswap.codec.contract."""

import os
import random
import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mpzswap.codec.contract import Codec
from mpzswap.codec.table import CODECS, make_codec
from mpzswap.errors import CodecError, CorruptStreamError, OutputOverflowError

SEED = 20240711
PAGE = 4096
SIZES = (0, 1, 2, 100, PAGE - 1, PAGE, PAGE + 1, 65536)
BOMB_BYTES = 8 << 20

COMPRESSORS = (*CODECS, "deflate:3", "deflate:4", "deflate:9", "lz4:16", "zstd:19")

# Not the default profile: the same examples each time, and no files left behind.
quick = settings(derandomize=True, database=None, deadline=None, max_examples=60)


def kinds(size: int) -> dict[str, bytes]:
    """Give *size* bytes of each kind that pages are made of."""
    text = Path(os.__file__).read_bytes()
    return {
        "text": (text * (size // len(text) + 1))[:size],
        "zeros": bytes(size),
        "random": random.Random(SEED).randbytes(size),
        "numbers": b"".join(struct.pack("<Q", n) for n in range(size // 8 + 1))[:size],
        "high bytes": bytes(random.Random(SEED).choices(range(144, 256), k=size)),
    }


def outcome(codec: Codec, stream: bytes, limit: int) -> bytes | type[CodecError]:
    """Give the result or the kind of refusal; anything else is a failure."""
    try:
        result = codec.decompress(memoryview(stream), limit)
    except (CorruptStreamError, OutputOverflowError) as error:
        return type(error)
    assert len(result) <= limit
    return result


def flipped(stream: bytes) -> Iterator[bytes]:
    """Give *stream* with each of its bits turned over, one at a time."""
    for bit in range(len(stream) * 8):
        damaged = bytearray(stream)
        damaged[bit >> 3] ^= 1 << (bit & 7)
        yield bytes(damaged)


@pytest.fixture(scope="module", params=COMPRESSORS)
def codec(request: pytest.FixtureRequest) -> Codec:
    """Give one codec after the other."""
    return make_codec(request.param)


@pytest.mark.parametrize("size", SIZES)
def test_codec_returns_the_data(codec: Codec, size: int) -> None:
    """What was compressed comes back, compressible or not, with no byte to spare."""
    for data in kinds(size).values():
        stream = codec.compress(memoryview(data))

        assert type(stream) is bytes
        assert codec.decompress(memoryview(stream), size) == data


def test_megabytes_come_back(codec: Codec) -> None:
    """Data of many blocks and windows are one stream too."""
    data = b"".join(kinds(400_000).values())

    stream = codec.compress(memoryview(data))

    assert codec.decompress(memoryview(stream), len(data)) == data


@pytest.mark.parametrize("size", [size for size in SIZES if size])
def test_one_byte_too_little_room_is_an_overflow(codec: Codec, size: int) -> None:
    """A good stream that does not fit is told from a bad one."""
    for data in kinds(size).values():
        stream = codec.compress(memoryview(data))

        assert outcome(codec, stream, size - 1) is OutputOverflowError
        assert outcome(codec, stream, 0) is OutputOverflowError


def test_room_to_spare_changes_nothing(codec: Codec) -> None:
    """The limit is a limit, not a size."""
    for data in kinds(100).values():
        stream = codec.compress(memoryview(data))

        assert codec.decompress(memoryview(stream), 1 << 20) == data


def test_incompressible_data_give_a_longer_stream(codec: Codec) -> None:
    """No error on the way in: the caller compares lengths."""
    data = random.Random(SEED).randbytes(PAGE)

    assert PAGE < len(codec.compress(memoryview(data))) < 2 * PAGE


def test_no_bytes_are_no_stream(codec: Codec) -> None:
    """Even empty data have a stream of at least one byte."""
    assert outcome(codec, b"", PAGE) is CorruptStreamError
    assert outcome(codec, b"", 0) is CorruptStreamError


def test_cut_stream_is_refused(codec: Codec) -> None:
    """At whatever byte; only an LZ4 block may look whole, and then gives less."""
    for data in (*kinds(300).values(), b""):
        stream = codec.compress(memoryview(data))
        for length in range(len(stream)):
            result = outcome(codec, stream[:length], len(data))

            if codec.name == "lz4" and isinstance(result, bytes):
                assert len(result) < len(data)
                assert data.startswith(result)
            else:
                assert result is CorruptStreamError


def test_bytes_after_the_stream_are_refused(codec: Codec) -> None:
    """A stream is the whole of what is handed in."""
    for data in (*kinds(300).values(), b""):
        stream = codec.compress(memoryview(data))
        for extra in (b"\0", b"\xff"):
            assert outcome(codec, stream + extra, PAGE) is CorruptStreamError


def test_flipped_bits_do_no_harm(codec: Codec) -> None:
    """Damage is refused or gives other data, never more than the limit."""
    data = Path(os.__file__).read_bytes()[:150]
    stream = codec.compress(memoryview(data))

    for damaged in flipped(stream):
        outcome(codec, damaged, len(data))

    assert outcome(codec, stream, len(data)) == data


def test_refusal_is_one_line_with_the_size(codec: Codec) -> None:
    """The message says how many bytes were refused, or how many were allowed."""
    stream = codec.compress(memoryview(bytes(PAGE)))

    with pytest.raises(CorruptStreamError, match=rf"^.* {len(stream) + 1} bytes .*$"):
        codec.decompress(memoryview(stream + b"x"), PAGE)
    with pytest.raises(OutputOverflowError, match=r"^\w+: more than 99 bytes .*$"):
        codec.decompress(memoryview(stream), 99)


def test_random_bytes_do_no_harm(codec: Codec) -> None:
    """Garbage of many lengths is refused, or gives no more than the limit."""
    source = random.Random(SEED)

    for length in (1, 2, 3, 5, 8, 13, 21, 100, PAGE):
        for _ in range(100):
            outcome(codec, source.randbytes(length), PAGE)


def test_bomb_takes_no_memory(codec: Codec) -> None:
    """A short stream of very long data is refused without making the data."""
    bomb = codec.compress(memoryview(bytes(BOMB_BYTES)))

    tracemalloc.start()
    try:
        assert outcome(codec, bomb, PAGE) is OutputOverflowError
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < BOMB_BYTES // 8


def test_page_frames_are_data(codec: Codec) -> None:
    """Views of writable shared memory go in as they are."""
    frames = np.full((2, PAGE), 7, np.uint8)

    stream = codec.compress(memoryview(frames[1]))
    padded = memoryview(bytearray(b"xx" + stream + b"xx"))

    assert codec.decompress(padded[2:-2], PAGE) == frames[1].tobytes()


def test_level_does_not_matter_to_decompress(codec: Codec) -> None:
    """A codec of the same name reads the stream, whatever its own level."""
    data = Path(os.__file__).read_bytes()[:PAGE]

    stream = codec.compress(memoryview(data))

    assert make_codec(codec.name).decompress(memoryview(stream), PAGE) == data


def test_codec_object_may_be_used_again(codec: Codec) -> None:
    """Neither use nor an error leaves anything behind: same data, same stream."""
    data = memoryview(bytes(range(256)) * 16)
    before = codec.compress(data)

    outcome(codec, before[:-1], PAGE)
    outcome(codec, before, PAGE - 1)

    assert codec.compress(data) == before
    assert codec.decompress(memoryview(before), PAGE) == data


@quick
@example(data=b"\0" * 65536)
@given(data=st.binary(max_size=5000))
def test_any_bytes_come_back(codec: Codec, data: bytes) -> None:
    """Whatever the bytes are."""
    stream = codec.compress(memoryview(data))

    assert codec.decompress(memoryview(stream), len(data)) == data


@quick
@given(
    data=st.binary(max_size=600),
    cut=st.slices(600),
    other=st.binary(max_size=40),
    limit=st.integers(0, 2 * PAGE),
)
def test_changed_stream_does_no_harm(
    codec: Codec, data: bytes, cut: slice, other: bytes, limit: int
) -> None:
    """A part cut out and replaced is refused, or gives no more than the limit."""
    changed = bytearray(codec.compress(memoryview(data)))
    changed[cut.start : cut.stop] = other

    outcome(codec, bytes(changed), limit)
