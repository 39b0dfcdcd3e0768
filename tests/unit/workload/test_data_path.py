"""A bench counts and checks what came of its pages."""

import errno
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from mpzswap.acomp.request import Path, Request
from mpzswap.codec.table import make_codec
from mpzswap.errors import InputError, MpzswapError
from mpzswap.page.frame import PAGE_SIZE, Pages
from mpzswap.page.mix import generate
from mpzswap.ring.memory import Frames
from mpzswap.workload.data_path import Compression, DataPath, Decompression

COUNT = 4


def path_of(pages: Pages) -> DataPath:
    """Give a data path whose devices are the test."""
    codec = make_codec("lz4")
    return cast(
        "DataPath",
        SimpleNamespace(
            pages=pages,
            compressor="lz4",
            codec=codec,
            frames=Frames(pages.copy(), 0),
            streams=lambda: [codec.compress(memoryview(page)) for page in pages],
        ),
    )


def answered(path: DataPath) -> Request:
    """Give a request with what a device would answer: every page compressed."""
    buffers = Frames(np.zeros((COUNT, PAGE_SIZE), np.uint8), 0)
    lengths = []
    for view, stream in zip(buffers.views, path.streams(), strict=True):
        view[: len(stream)] = stream
        lengths.append(len(stream))
    return Request(
        buffers, lengths=lengths, errors=[0] * COUNT, paths=[Path.DEVICE] * COUNT
    )


def test_compressed_pages_pass_the_check() -> None:
    """What software can undo is right; bytes are added up."""
    path = path_of(generate("text", COUNT, 1))
    direction = Compression(path)
    request = answered(path)
    direction.take(request, list(range(COUNT)))
    direction.check()

    assert direction.tally.pages == COUNT
    assert direction.tally.compressed_bytes == sum(request.lengths)


@pytest.mark.parametrize("damage", ["another page", "no stream"])
def test_wrong_stream_is_found(damage: str) -> None:
    """The page is named."""
    path = path_of(generate("text", COUNT, 1))
    direction = Compression(path)
    request = answered(path)
    if damage == "another page":
        request.buffers.array[2] = request.buffers.array[1]
        request.lengths[2] = request.lengths[1]
    else:
        request.buffers.array[2] = 255
    direction.take(request, list(range(COUNT)))

    with pytest.raises(MpzswapError, match="page 2: compressed, it is not what it was"):
        direction.check()


def test_page_that_does_not_compress_counts_whole() -> None:
    """The ratio must not be better for what is kept as it is."""
    path = path_of(generate("text", COUNT, 1))
    direction = Compression(path)
    request = answered(path)
    request.errors[1], request.lengths[1] = -errno.E2BIG, 0
    request.lengths[3] = PAGE_SIZE
    direction.take(request, list(range(COUNT)))
    direction.check()

    smaller = request.lengths[0] + request.lengths[2]
    assert direction.tally.compressed_bytes == smaller + 2 * PAGE_SIZE
    assert direction.tally.incompressible == 2


def test_error_of_a_page_is_named() -> None:
    """A page that came to nothing is no time to be measured."""
    path = path_of(generate("text", COUNT, 1))
    request = answered(path)
    request.errors[1] = -errno.ETIMEDOUT

    with pytest.raises(MpzswapError, match="page 1: could not be compressed: ETIMEDO"):
        Compression(path).take(request, list(range(COUNT)))
    with pytest.raises(MpzswapError, match="page 1: could not be decompressed: ETIME"):
        Decompression(path).take(request, list(range(COUNT)))


def test_software_pages_are_counted_apart() -> None:
    """Warm-up is not among them."""
    path = path_of(generate("text", COUNT, 1))
    direction = Compression(path)
    request = answered(path)
    direction.take(request, list(range(COUNT)))
    direction.begin()
    request.paths[0] = Path.SOFTWARE
    direction.take(request, list(range(COUNT)))

    assert (direction.tally.pages, direction.tally.software) == (COUNT, 1)


def test_page_that_was_never_written_is_found() -> None:
    """What lay in the frames before does not pass for a result."""
    path = path_of(generate("text", COUNT, 1))
    direction = Decompression(path)
    path.frames.array[:2] = path.pages[:2]

    with pytest.raises(MpzswapError, match="page 2: decompressed, it is not what"):
        direction.check()


def test_decompressed_pages_pass_the_check() -> None:
    """All pages are there, and counted."""
    path = path_of(generate("text", COUNT, 1))
    direction = Decompression(path)
    path.frames.array[:] = path.pages
    direction.take(answered(path), list(range(COUNT)))
    direction.check()

    assert direction.tally.pages == COUNT


def test_nothing_that_compresses_is_nothing_to_decompress() -> None:
    """The message says what can be done instead."""
    with pytest.raises(InputError, match="none of 4 compresses with lz4"):
        Decompression(path_of(generate("random", COUNT, 1)))
