"""Every vector against two implementations of its format, neither of them the codec."""

import zlib
from collections.abc import Callable

import lz4.block
import pytest
import zstandard
from isal import isal_zlib
from zlib_ng import zlib_ng

from mpzswap.codec.table import CODECS, make_codec
from mpzswap.codec.vector import PAGE, Known, Plain, Refused
from mpzswap.codec.vectors import SUITES
from mpzswap.errors import OutputOverflowError
from tests.tools import lz4_by_rule, zstd_by_rule

Decode = Callable[[bytes], bytes]

# More than any vector holds, and than a claim that is no lie.
LIMIT = 4 * PAGE
IAA_WINDOW_BITS = 12


def by_zlib(library: object, window_bits: int) -> Decode:
    """Give the inflate of zlib or of a library that looks like it."""

    def decode(stream: bytes) -> bytes:
        unpacked = library.decompressobj(-window_bits)  # type: ignore[attr-defined]  # three modules, one shape
        data: bytes = unpacked.decompress(stream, LIMIT)
        if not unpacked.eof or unpacked.unused_data:
            raise ValueError("not one whole stream")
        return data

    return decode


def by_lz4(block: bytes) -> bytes:
    """Ask the library lz4."""
    data: bytes = lz4.block.decompress(block, LIMIT)
    return data


def by_zstandard(frame: bytes) -> bytes:
    """Ask the library zstd, without the codec's own care."""
    context = zstandard.ZstdDecompressor(max_window_size=8 << 20)
    stream = context.decompressobj()
    data = stream.decompress(frame)
    if not stream.eof or stream.unused_data:
        raise ValueError("not one whole frame")
    return data


def inflaters(window_bits: int) -> dict[str, Decode]:
    """Give three implementations of Deflate."""
    libraries = {"zlib": zlib, "isal": isal_zlib, "zlib-ng": zlib_ng}
    return {name: by_zlib(each, window_bits) for name, each in libraries.items()}


OF_IAA = inflaters(IAA_WINDOW_BITS)
DECODERS: dict[str, dict[str, Decode]] = {
    "deflate-iaa": OF_IAA,
    "deflate-iaa-dynamic": OF_IAA,
    "deflate": inflaters(15),
    "lz4": {"lz4": by_lz4, "by rule": lz4_by_rule.decode},
    "zstd": {"zstandard": by_zstandard, "by rule": zstd_by_rule.decode},
}
REFUSALS: tuple[type[Exception], ...] = (
    ValueError,
    zlib.error,
    zlib_ng.error,  # type: ignore[assignment]  # typed as an instance, as isal's is
    isal_zlib.IsalError,
    lz4.block.LZ4BlockError,
    zstandard.ZstdError,
)
# Only isal holds the window to the byte; zlib and zlib-ng look into their buffers.
ONLY_ISAL = "distance of 4097, dynamic"


def cases(kind: str) -> list[object]:
    """Give each vector of a kind, with each decoder of its format."""
    return [
        pytest.param(vector, decode, id=f"{name}-{vector.name}-{decoder}")
        for name, decoders in DECODERS.items()
        for vector in getattr(SUITES[name], kind)
        for decoder, decode in decoders.items()
    ]


@pytest.mark.parametrize(("vector", "decode"), cases("known"))
def test_known_stream_holds_its_data(vector: Known, decode: Decode) -> None:
    """Each implementation of the format says so."""
    assert decode(vector.stream) == vector.data


@pytest.mark.parametrize(("vector", "decode"), cases("refused"))
def test_refused_stream_is_refused_by_all(vector: Refused, decode: Decode) -> None:
    """It is wrong for each implementation, or holds more than its limit."""
    try:
        data = decode(vector.stream)
    except REFUSALS:
        return

    if vector.name == ONLY_ISAL:
        assert decode is not OF_IAA["isal"]
    else:
        assert vector.error is OutputOverflowError
        assert len(data) > vector.limit


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("plain", SUITES["lz4"].plain, ids=lambda plain: plain.name)
def test_stream_of_the_codec_is_read_by_all(name: str, plain: Plain) -> None:
    """What it writes is the format, not only what it reads itself."""
    stream = make_codec(name).compress(memoryview(plain.data))

    for decode in DECODERS[name].values():
        assert decode(stream) == plain.data


@pytest.mark.parametrize("name", CODECS)
def test_each_compressor_has_vectors_of_all_kinds(name: str) -> None:
    """Pages for its devices, streams of another hand, and streams to be refused."""
    suite = SUITES[name]

    assert sum(len(vector.data) == PAGE for vector in suite.plain) >= 5
    assert sum(len(vector.data) == PAGE for vector in suite.known) >= 4
    assert any(vector.error is OutputOverflowError for vector in suite.refused)
    assert len(suite.refused) >= 10


@pytest.mark.parametrize("name", CODECS)
def test_names_of_vectors_are_unique(name: str) -> None:
    """A name says which one was wrong."""
    names = list(SUITES[name].names())

    assert len(set(names)) == len(names)


def test_every_compressor_has_a_suite() -> None:
    """A new one needs its vectors."""
    assert list(SUITES) == list(CODECS) == list(DECODERS)


@pytest.mark.parametrize("name", CODECS)
def test_known_streams_are_of_another_hand(name: str) -> None:
    """Some pages of them are not what the codec itself would write."""
    codec = make_codec(name)
    pages = [vector for vector in SUITES[name].known if len(vector.data) == PAGE]
    foreign = [v for v in pages if codec.compress(memoryview(v.data)) != v.stream]

    assert len(foreign) >= 2
