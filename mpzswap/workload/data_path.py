"""
Pages through the devices in one direction, and a check that they came through.

                 submit fills a request from        take looks at         check
    compress     frames, which devices see          lengths               by software
    decompress   streams, made by software          nothing               out == pages

What a device compressed software decompresses, and the other way round: so neither
is checked by itself.
"""

import errno
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mpzswap.acomp.request import Path, Request
from mpzswap.codec.table import make_codec
from mpzswap.errors import CodecError, InputError, MpzswapError
from mpzswap.machine.core import Core
from mpzswap.page.frame import PAGE_SIZE, Pages
from mpzswap.workload.bench_plan import CPU


@dataclass
class Tally:
    """What came of the pages of some passes."""

    pages: int = 0
    # Bytes of their compressed side; what does not compress counts whole.
    compressed_bytes: int = 0
    software: int = 0
    incompressible: int = 0


class Direction(Protocol):
    """Compression, or decompression, of all pages."""

    # The numbers of the pages that can be done.
    items: Sequence[int]
    # Since ``begin``.
    tally: Tally

    def begin(self) -> None:
        """Forget what was counted, and keep no results from here on."""

    def submit(self, request: Request, part: list[int]) -> int:
        """Submit these pages; give what the driver gave."""

    def take(self, request: Request, part: list[int]) -> None:
        """Count, and keep until ``begin``, what came of them."""

    def check(self) -> None:
        """Compare every page; MpzswapError names the first that is wrong."""


class DataPath:
    """A submitter with pages that its devices see."""

    def __init__(self, core: Core, pages: Pages, nr_buffers: int) -> None:
        self.pages = pages
        self.compressor = core.plan.compressor
        self.devices = len(core.plan.topology.devices)
        self.sync_mode = core.plan.topology.driver.sync_mode
        self.codec = make_codec(self.compressor)
        self.submitter = core.new_submitter(CPU, nr_buffers)
        self.frames = core.new_frames(len(pages))
        self._streams: list[bytes] | None = None

    def direction(self, operation: str) -> Direction:
        """Give one of ``sweep.OPERATIONS``, with nothing done yet."""
        return Compression(self) if operation == "compress" else Decompression(self)

    def streams(self) -> list[bytes]:
        """Give every page compressed by software; made once."""
        if self._streams is None:
            compress = self.codec.compress
            self._streams = [compress(memoryview(page)) for page in self.pages]
        return self._streams


class Compression:
    """Every page, compressed from the frames."""

    def __init__(self, path: DataPath) -> None:
        self.items: Sequence[int] = range(len(path.pages))
        self.tally = Tally()
        self._path = path
        self._streams: dict[int, bytes] = {}
        self._keeping = True
        path.frames.array[:] = path.pages

    def begin(self) -> None:
        """Forget the streams."""
        self.tally = Tally()
        self._streams.clear()
        self._keeping = False

    def submit(self, request: Request, part: list[int]) -> int:
        """Let the devices read the pages where they are."""
        address_of = self._path.frames.address_of
        end = address_of(part[-1]) + PAGE_SIZE
        request.pages = range(address_of(part[0]), end, PAGE_SIZE)
        return self._path.submitter.driver.compress(request)

    def take(self, request: Request, part: list[int]) -> None:
        """Add up the lengths."""
        lengths, errors = request.lengths, request.errors
        if any(errors) or max(lengths) >= PAGE_SIZE:
            lengths = self._smaller(request, part)
        tally = self.tally
        tally.pages += len(part)
        tally.compressed_bytes += sum(lengths)
        tally.software += request.paths.count(Path.SOFTWARE)
        if self._keeping:
            views = request.buffers.views
            for place, index in enumerate(part):
                if lengths[place] < PAGE_SIZE:
                    self._streams[index] = bytes(views[place][: lengths[place]])

    def _smaller(self, request: Request, part: list[int]) -> list[int]:
        """Give the lengths, PAGE_SIZE for pages that did not get smaller."""
        lengths = list(request.lengths)
        for place, error in enumerate(request.errors):
            if error not in (0, -errno.E2BIG):
                raise not_done(part[place], "compressed", error)
            if error or lengths[place] >= PAGE_SIZE:
                lengths[place] = PAGE_SIZE
                self.tally.incompressible += 1
        return lengths

    def check(self) -> None:
        """Undo every stream in software."""
        decompress, pages = self._path.codec.decompress, self._path.pages
        for index, stream in self._streams.items():
            try:
                again = decompress(memoryview(stream), PAGE_SIZE)
            except CodecError as error:
                raise wrong(index, "compressed") from error
            if again != pages[index].data:
                raise wrong(index, "compressed")


class Decompression:
    """Every page that compresses, decompressed into the frames."""

    def __init__(self, path: DataPath) -> None:
        streams = path.streams()
        self.items: Sequence[int] = [
            index for index, stream in enumerate(streams) if len(stream) < PAGE_SIZE
        ]
        if not self.items:
            raise InputError(
                f"pages: none of {len(streams)} compresses with {path.compressor}, "
                "so there is nothing to decompress: --operation compress"
            )
        self.tally = Tally()
        self._path = path
        # What an earlier pass left there must not pass for a result.
        path.frames.array[:] = 0

    def begin(self) -> None:
        """Count anew."""
        self.tally = Tally()

    def submit(self, request: Request, part: list[int]) -> int:
        """Copy the streams to where devices see them."""
        views, streams = request.buffers.views, self._path.streams()
        address_of = self._path.frames.address_of
        request.lengths = [len(streams[index]) for index in part]
        for view, index in zip(views, part, strict=False):
            stream = streams[index]
            view[: len(stream)] = stream
        request.pages = [address_of(index) for index in part]
        return self._path.submitter.driver.decompress(request)

    def take(self, request: Request, part: list[int]) -> None:
        """Refuse errors; the pages are in the frames already."""
        for index, error in failures(part, request.errors):
            raise not_done(index, "decompressed", error)
        tally = self.tally
        tally.pages += len(part)
        tally.compressed_bytes += sum(request.lengths)
        tally.software += request.paths.count(Path.SOFTWARE)

    def check(self) -> None:
        """Compare every page."""
        items = np.array(self.items)
        frames, pages = self._path.frames.array, self._path.pages
        for index in items[(frames[items] != pages[items]).any(axis=1)].tolist():
            raise wrong(index, "decompressed")


def failures(part: list[int], errors: list[int]) -> Iterable[tuple[int, int]]:
    """Give the pages that have an error, with it."""
    if not any(errors):
        return ()
    return [pair for pair in zip(part, errors, strict=True) if pair[1]]


def not_done(index: int, done: str, error: int) -> MpzswapError:
    """Give the error of a page that came to nothing."""
    name = errno.errorcode.get(-error, str(error))
    return MpzswapError(f"page {index}: could not be {done}: {name}")


def wrong(index: int, done: str) -> MpzswapError:
    """Give the error of a page that came back otherwise."""
    return MpzswapError(f"page {index}: {done}, it is not what it was")
