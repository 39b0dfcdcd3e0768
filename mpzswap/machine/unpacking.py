"""
Compressed pages on their way back.

    part     | page 0 | page 1 | raw | page 3 | ...     one copy a run of pages
                 |        |              |
    request  | buffers, taken as bytes: what is there |  each page named in it
                 |        |              |
               devices --> staging frames --> checked --> out
               devices --> out --> checked                   where they see it
"""

import errno
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpzswap.acomp.checksum import EBADMSG, check, checksum
from mpzswap.acomp.request import Acomp, Path, Request
from mpzswap.errors import CorruptStreamError
from mpzswap.machine.packed import Packed
from mpzswap.machine.staging import Staging
from mpzswap.page.frame import PAGE_SIZE, Pages, page_views

# What indexes an array; a slice, where it can be one, costs least.
Index: TypeAlias = slice | NDArray[np.intp]


class Unpacking:
    """
    A call of ``decompress``; *out* is (N, 4096).

    Attributes:
        failed: the error of each page that could not be had.
    """

    def __init__(
        self, packed: Packed, out: Pages, driver: Acomp, staging: Staging
    ) -> None:
        self.failed: dict[int, int] = {}
        self._packed = packed
        self._out = out
        self._driver = driver
        self._staging = staging
        # Where devices see *out*; None: they do not.
        self._address = staging.space.address_of(out)
        self._raw = packed.path == Path.RAW
        self._has_raw = bool(self._raw.any())
        self._numbers = np.arange(len(packed))

    def check(self, compressor: str) -> None:
        """
        Refuse what *compressor* cannot have packed: users can make any.

        Raises:
            ValueError: it cannot.
        """
        packed = self._packed
        if packed.compressor != compressor:
            raise ValueError(f"packed: by {packed.compressor}, must be by {compressor}")
        columns = {"paths": packed.path, "checksums": packed.checksums}
        for name, column in columns.items():
            if column is not None and len(column) != len(packed):
                raise ValueError(
                    f"packed: {len(column)} {name}, must be {len(packed)}, one a page"
                )
        longest = packed.lengths.max(initial=0)
        if longest > PAGE_SIZE:
            raise ValueError(
                f"packed: a page of {longest} bytes, must be up to {PAGE_SIZE}"
            )
        self._check_parts()

    def _check_parts(self) -> None:
        packed = self._packed
        if packed.pages_per_part < 1:
            raise ValueError(
                f"packed: {packed.pages_per_part} pages a part, must be at least 1"
            )
        runs = [*cut(len(packed), packed.pages_per_part)]
        if len(packed.parts) != len(runs):
            raise ValueError(f"packed: {len(packed.parts)} parts, must be {len(runs)}")
        for number, (part, run) in enumerate(zip(packed.parts, runs, strict=True)):
            size = int(packed.lengths[run.start : run.stop].sum(dtype=np.int64))
            if len(part) != size:
                raise ValueError(
                    f"packed: part {number} of {len(part)} bytes, must be {size}, as "
                    "its pages' lengths say"
                )

    def copy_raw(self) -> None:
        """Copy pages that were kept as they were; note those that are wrong."""
        packed, sums = self._packed, self._packed.checksums
        for index in np.flatnonzero(self._raw).tolist():
            data = packed[index]
            if len(data) != PAGE_SIZE:
                self.failed[index] = -errno.EINVAL
            elif sums is not None and checksum(data) != sums[index]:
                self.failed[index] = EBADMSG
            else:
                self._out[index] = np.frombuffer(data, np.uint8)

    def runs(self, most: int) -> Iterator[range]:
        """Give runs of up to *most* pages of one part, with any to decompress."""
        packed = self._packed
        parts = cut(len(packed), packed.pages_per_part)
        runs = chain.from_iterable(cut(len(part), most, part.start) for part in parts)
        return (run for run in runs if not self._raw[run.start : run.stop].all())

    def submit(self, request: Request, runs: list[range]) -> int:
        """Put the streams of a run into the buffers in one piece; name each in it."""
        packed, run = self._packed, runs[0]
        wanted = self._wanted(run)
        streams = packed.run(run)
        request.buffers.flat[: len(streams)] = streams
        base = request.buffers.address - int(packed.starts[run.start])
        request.sources = (packed.starts[wanted] + base).tolist()
        request.lengths = packed.lengths[wanted].tolist()
        sums = packed.checksums
        request.checksums = [] if sums is None else sums[wanted].tolist()
        request.pages = self._targets(request, wanted)
        return self._driver.decompress(request)

    def take(self, request: Request, runs: list[range]) -> None:
        """Check the pages of a run that has ended, and put them where they belong."""
        packed = self._packed
        wanted = self._wanted(runs[0])
        count = len(request.lengths)
        numbers = self._numbers[wanted]
        if self._address is None:
            views = self._staging.views_of_request(request, count)
        else:
            views = self._views(wanted)
        check(self._driver, request, views, lambda place: packed[numbers[place]])
        if self._address is None:
            self._out[wanted] = self._staging.of_request(request, count).array
        if any(request.errors):
            pairs = zip(numbers.tolist(), request.errors, strict=True)
            self.failed.update((number, error) for number, error in pairs if error)

    def _targets(self, request: Request, wanted: Index) -> Sequence[int]:
        """Give where devices put the pages: into *out*, or into staging frames."""
        if self._address is None:
            staged = self._staging.of_request(request, len(request.lengths))
            return staged.addresses(0, len(staged))
        first = self._address
        if isinstance(wanted, slice):
            start, stop = (
                first + wanted.start * PAGE_SIZE,
                first + wanted.stop * PAGE_SIZE,
            )
            return range(start, stop, PAGE_SIZE)
        return [first + number * PAGE_SIZE for number in wanted.tolist()]

    def _views(self, wanted: Index) -> Sequence[memoryview]:
        """Give the pages of *out*."""
        if isinstance(wanted, slice):
            return page_views(self._out[wanted])
        return [self._out[number].data for number in wanted]

    def _wanted(self, run: range) -> Index:
        """Give which pages of a run are to be decompressed."""
        raw = self._raw[run.start : run.stop]
        if self._has_raw and raw.any():
            return np.flatnonzero(~raw) + run.start
        return slice(run.start, run.stop)

    def raise_any(self) -> None:
        """Raise the error that names the first of the pages that failed."""
        if not self.failed:
            return
        index = min(self.failed)
        what = "cannot be decompressed"
        if self.failed[index] == EBADMSG:
            what = "not the page that was compressed"
        raise CorruptStreamError(
            f"page {index}: {what}, errno {-self.failed[index]}; "
            f"{len(self.failed)} of {len(self._packed)} pages"
        )


def cut(count: int, most: int, first: int = 0) -> Iterator[range]:
    """Cut *count* pages from *first* on into runs of up to *most*."""
    end = first + count
    return (range(at, min(at + most, end)) for at in range(first, end, most))
