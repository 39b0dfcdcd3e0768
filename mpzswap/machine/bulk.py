"""Many pages at once: all devices, deep queues."""

import errno
from functools import partial

import msgspec
import numpy as np

from mpzswap.acomp.checksum import EBADMSG, check, checksum
from mpzswap.acomp.pipeline import Pipeline, Shape
from mpzswap.acomp.request import Path, Request
from mpzswap.clock.histogram import Histogram
from mpzswap.errors import CorruptStreamError
from mpzswap.machine.packed import Packed, Packing
from mpzswap.machine.staging import Staging
from mpzswap.machine.submitter import Submitter
from mpzswap.page.frame import PAGE_SIZE, Pages
from mpzswap.topology.settings import DriverSettings

# Measured: a request of 64 pages spreads its costs, 8 of them keep devices busy
# while we put away the results of one.
SHAPE = Shape(nr_requests=1, pages_per_request=64, nr_sub_batches=8)
NR_BUFFERS = SHAPE.pages_per_request * SHAPE.nr_sub_batches


def spread(settings: DriverSettings) -> DriverSettings:
    """
    Give settings with which both directions use all devices.

    Those are version 14's: with RFC v1's rule one device decompresses for a CPU.
    """
    return msgspec.structs.replace(
        settings, wq_tables="package", distribute_comps=True, distribute_decomps=True
    )


class Bulk:
    """Compresses and decompresses arrays of pages; calls of threads take turns."""

    def __init__(self, submitter: Submitter, staging: Staging) -> None:
        self._compressor = submitter.config.compressor
        self._driver = submitter.driver
        self._staging = staging
        self._submitter = submitter
        self._pipeline = Pipeline(submitter.driver, submitter.clock, SHAPE, Histogram())

    def compress(self, pages: Pages) -> Packed:
        """
        Compress every page; what does not compress is kept as it is.

        Raises:
            ClosedError: the machine is closed.
        """
        packing = Packing(self._compressor, len(pages))

        def submit(request: Request, part: list[int]) -> int:
            self._staging.place(request, pages[part[0] : part[-1] + 1])
            return self._driver.compress(request)

        def take(request: Request, part: list[int]) -> None:
            self._staging.pack(packing, request, part, self._driver)

        with self._submitter.turn:
            self._submitter.check_open()
            self._pipeline.run(iter(range(len(pages))), submit, take)
        return packing.done()

    def decompress(self, packed: Packed, out: Pages) -> None:
        """
        Decompress into *out*, (N, 4096).

        Raises:
            CorruptStreamError: pages could not be decompressed, or came back
                different; the first of them is named.  All others are in *out*, which
                has whatever came where these should be.
            ClosedError: the machine is closed.
            ValueError: another compressor packed them, or they are not as any did.
        """
        check_packed(packed, self._compressor)
        raw = packed.path == Path.RAW
        failed = copy_raw(packed, np.flatnonzero(raw).tolist(), out)
        with self._submitter.turn:
            self._submitter.check_open()
            self._pipeline.run(
                iter(np.flatnonzero(~raw).tolist()),
                partial(self._submit_decompress, packed),
                partial(self._take_decompressed, (packed, out), failed),
            )
        if failed:
            raise corrupt(failed, len(packed))

    def _submit_decompress(
        self, packed: Packed, request: Request, part: list[int]
    ) -> int:
        views = request.buffers.views
        request.lengths = []
        sums = packed.checksums
        request.checksums = [] if sums is None else sums[part].tolist()
        for place, index in enumerate(part):
            data = packed.data[index]
            views[place][: len(data)] = data
            request.lengths.append(len(data))
        staged = self._staging.of_request(request, len(part))
        end = staged.address + len(part) * PAGE_SIZE
        request.pages = range(staged.address, end, PAGE_SIZE)
        return self._driver.decompress(request)

    def _take_decompressed(
        self,
        both: tuple[Packed, Pages],
        failed: dict[int, int],
        request: Request,
        part: list[int],
    ) -> None:
        packed, out = both
        views = self._staging.views_of_request(request, len(part))
        check(self._driver, request, views, lambda place: packed.data[part[place]])
        out[part] = self._staging.of_request(request, len(part)).array
        failed.update(
            (index, error)
            for index, error in zip(part, request.errors, strict=True)
            if error
        )


def check_packed(packed: Packed, compressor: str) -> None:
    """Refuse what *compressor* cannot have packed: its users can make any."""
    if packed.compressor != compressor:
        raise ValueError(f"packed: by {packed.compressor}, must be by {compressor}")
    if len(packed.path) != len(packed):
        raise ValueError(
            f"packed: {len(packed.path)} paths, must be {len(packed)}, one a page"
        )
    lengths = np.fromiter(map(len, packed.data), np.int64, len(packed))
    longest = lengths.max(initial=0)
    if longest > PAGE_SIZE:
        raise ValueError(
            f"packed: a page of {longest} bytes, must be up to {PAGE_SIZE}"
        )
    sums = packed.checksums
    if sums is not None and len(sums) != len(packed):
        raise ValueError(f"packed: {len(sums)} checksums, must be {len(packed)}")


def copy_raw(packed: Packed, indices: list[int], out: Pages) -> dict[int, int]:
    """Copy pages that were kept as they were; give the error of each that is wrong."""
    sums = packed.checksums
    failed: dict[int, int] = {}
    for index in indices:
        data = packed.data[index]
        if len(data) != PAGE_SIZE:
            failed[index] = -errno.EINVAL
        elif sums is not None and checksum(data) != sums[index]:
            failed[index] = EBADMSG
        else:
            out[index] = np.frombuffer(data, np.uint8)
    return failed


def corrupt(failed: dict[int, int], nr_pages: int) -> CorruptStreamError:
    """Give the error that names the first of the pages that failed."""
    index = min(failed)
    what = "cannot be decompressed"
    if failed[index] == EBADMSG:
        what = "not the page that was compressed"
    return CorruptStreamError(
        f"page {index}: {what}, errno {-failed[index]}; "
        f"{len(failed)} of {nr_pages} pages"
    )
