"""Many pages at once: all devices, deep queues."""

from functools import partial

import msgspec
import numpy as np

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
        self._lock = submitter.lock
        self._check_open = submitter.check_open
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

        with self._lock:
            self._check_open()
            self._pipeline.run(iter(range(len(pages))), submit, take)
        return packing.done()

    def decompress(self, packed: Packed, out: Pages) -> None:
        """
        Decompress into *out*, (N, 4096).

        Raises:
            CorruptStreamError: pages could not be decompressed, the first of them is
                named; the others are in *out*.
            ClosedError: the machine is closed.
            ValueError: another compressor packed them, or one is larger than a page.
        """
        if packed.compressor != self._compressor:
            raise ValueError(
                f"packed: by {packed.compressor}, must be by {self._compressor}"
            )
        longest = max(map(len, packed.data), default=0)
        if longest > PAGE_SIZE:
            raise ValueError(
                f"packed: a page of {longest} bytes, must be up to {PAGE_SIZE}"
            )
        raw = packed.path == Path.RAW
        for index in np.flatnonzero(raw).tolist():
            out[index] = np.frombuffer(packed.data[index], np.uint8)
        failed: dict[int, int] = {}
        with self._lock:
            self._check_open()
            self._pipeline.run(
                iter(np.flatnonzero(~raw).tolist()),
                partial(self._submit_decompress, packed),
                partial(self._take_decompressed, out, failed),
            )
        if failed:
            index, error = next(iter(failed.items()))
            raise CorruptStreamError(
                f"page {index}: cannot be decompressed, errno {-error}; "
                f"{len(failed)} of {len(packed)} pages"
            )

    def _submit_decompress(
        self, packed: Packed, request: Request, part: list[int]
    ) -> int:
        views = request.buffers.views
        request.lengths = []
        for place, index in enumerate(part):
            data = packed.data[index]
            views[place][: len(data)] = data
            request.lengths.append(len(data))
        staged = self._staging.of_request(request, len(part))
        end = staged.address + len(part) * PAGE_SIZE
        request.pages = range(staged.address, end, PAGE_SIZE)
        return self._driver.decompress(request)

    def _take_decompressed(
        self, out: Pages, failed: dict[int, int], request: Request, part: list[int]
    ) -> None:
        out[part] = self._staging.of_request(request, len(part)).array
        failed.update(
            (index, error)
            for index, error in zip(part, request.errors, strict=True)
            if error
        )
