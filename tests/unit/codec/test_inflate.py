"""The Deflate codecs and other Deflate libraries read each other."""

import os
import random
import zlib
from pathlib import Path

import pytest

from mpzswap.codec.table import make_codec
from mpzswap.errors import CorruptStreamError

TEXT = Path(os.__file__).read_bytes()[:4096]
DATA = {
    "text": TEXT,
    "zeros": bytes(4096),
    "random": random.Random(1).randbytes(4096),
    "empty": b"",
    "one byte": b"x",
}
# The window of each, bits.
WINDOWS = {"deflate-iaa": 12, "deflate-iaa-dynamic": 12, "deflate": 15}
STRATEGIES = (
    zlib.Z_DEFAULT_STRATEGY,
    zlib.Z_FILTERED,
    zlib.Z_HUFFMAN_ONLY,
    zlib.Z_RLE,
    zlib.Z_FIXED,
)


def by_zlib(
    data: bytes, bits: int, level: int = 9, strategy: int = zlib.Z_DEFAULT_STRATEGY
) -> bytes:
    """Give the raw stream that zlib makes of *data*."""
    stream = zlib.compressobj(level, zlib.DEFLATED, -bits, 9, strategy)
    return stream.compress(data) + stream.flush()


def repeat(distance: int) -> bytes:
    """Give data that repeat themselves after *distance* bytes, and not before."""
    once = random.Random(2).randbytes(distance)
    return once + once[:1000]


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("level", [0, 1, 6, 9])
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("kind", DATA)
def test_streams_of_zlib_are_read(
    name: str, level: int, strategy: int, kind: str
) -> None:
    """Stored, fixed and dynamic blocks alike, in each window up to the codec's."""
    for bits in (9, WINDOWS[name]):
        stream = by_zlib(DATA[kind], bits, level, strategy)

        assert make_codec(name).decompress(memoryview(stream), 4096) == DATA[kind]


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("kind", DATA)
def test_zlib_reads_our_streams(name: str, kind: str) -> None:
    """Our streams are raw Deflate to anyone with the same window."""
    stream = make_codec(name).compress(memoryview(DATA[kind]))
    reader = zlib.decompressobj(-WINDOWS[name])

    assert reader.decompress(stream) == DATA[kind]
    assert reader.eof
    assert reader.unused_data == b""


@pytest.mark.parametrize("name", WINDOWS)
def test_stream_of_many_blocks_is_read(name: str) -> None:
    """Blocks end where the one who wrote them liked, also with nothing in them."""
    stream = zlib.compressobj(6, zlib.DEFLATED, -WINDOWS[name])
    parts = [stream.compress(TEXT[:1000]), stream.flush(zlib.Z_SYNC_FLUSH)]
    parts += [stream.compress(TEXT[1000:]), stream.flush(zlib.Z_FULL_FLUSH)]
    whole = b"".join((*parts, stream.flush()))

    assert make_codec(name).decompress(memoryview(whole), 4096) == TEXT


@pytest.mark.parametrize("name", WINDOWS)
def test_distance_of_the_whole_window_is_read(name: str) -> None:
    """The device's window is 4096 bytes, not one less."""
    data = repeat(4096)
    stream = by_zlib(data, 15)

    assert len(stream) < 4200
    assert make_codec(name).decompress(memoryview(stream), len(data)) == data


@pytest.mark.parametrize("distance", [4097, 5000, 20000])
@pytest.mark.parametrize("name", ["deflate-iaa", "deflate-iaa-dynamic"])
def test_distance_beyond_the_window_is_refused(name: str, distance: int) -> None:
    """The device cannot look back so far: blocks with own tables are held to it."""
    data = repeat(distance)
    stream = by_zlib(data, 15)

    assert len(stream) < distance + 100
    with pytest.raises(CorruptStreamError):
        make_codec(name).decompress(memoryview(stream), len(data))


@pytest.mark.parametrize("distance", [4097, 5000])
@pytest.mark.parametrize("name", ["deflate-iaa", "deflate-iaa-dynamic"])
def test_window_does_not_bind_blocks_with_the_fixed_tables(
    name: str, distance: int
) -> None:
    """What isal lets pass, and the module says; if this fails, say so there."""
    data = repeat(distance)
    stream = by_zlib(data, 15, strategy=zlib.Z_FIXED)

    assert stream[0] >> 1 & 3 == 1
    assert len(stream) < len(data)
    assert make_codec(name).decompress(memoryview(stream), len(data)) == data


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("bits", [15, 31])
def test_streams_in_a_wrapper_are_refused(name: str, bits: int) -> None:
    """What zlib and gzip put around Deflate is another format."""
    stream = zlib.compress(TEXT, wbits=bits)

    with pytest.raises(CorruptStreamError):
        make_codec(name).decompress(memoryview(stream), 4096)


def test_higher_level_gives_a_shorter_stream() -> None:
    """The levels of deflate are in order, over both libraries that make them."""
    sizes = [
        len(make_codec(f"deflate:{level}").compress(memoryview(TEXT)))
        for level in (1, 4, 9)
    ]

    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]
