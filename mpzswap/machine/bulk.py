"""Many pages at once: all devices, deep queues."""

import msgspec

from mpzswap.acomp.pipeline import Pipeline, Shape
from mpzswap.acomp.request import Request
from mpzswap.clock.histogram import Histogram
from mpzswap.machine.packed import Packed, Packing
from mpzswap.machine.staging import Staging
from mpzswap.machine.submitter import Submitter
from mpzswap.machine.unpacking import Unpacking, cut
from mpzswap.page.frame import Pages
from mpzswap.topology.model import Topology
from mpzswap.topology.settings import DriverSettings

# A request is one item, a run of pages.  So many requests keep devices busy while we
# put away the results of one; all together they are what the queues hold, since more
# would wait for places, and be looked at in vain.
NR_REQUESTS = 4
# Measured on two cores, us a page of lz4: 8 with requests of 64 pages, 5.5 with 256,
# and 6 with 512, when devices wait for the first and we for the last.
MIN_REQUEST_PAGES, MAX_REQUEST_PAGES = 32, 256


def shape_for(topology: Topology) -> Shape:
    """Give requests for as many pages as the queues of all devices hold together."""
    places = sum(wq.capacity for device in topology.devices for wq in device.wqs)
    pages = max(MIN_REQUEST_PAGES, min(places // NR_REQUESTS, MAX_REQUEST_PAGES))
    return Shape(1, pages, max(NR_REQUESTS, places // pages), items_per_request=1)


def even_run(count: int, most: int, nr_devices: int) -> int:
    """
    Give how many of *count* pages to put into a request, up to *most*.

    Each device gets the same number of requests, all of them equally long: a request
    goes to one device, and the last of them are to end at the same time.
    """
    runs = -(-count // most)
    runs += -runs % nr_devices
    return min(most, max(MIN_REQUEST_PAGES, -(-count // max(1, runs))))


def spread(settings: DriverSettings) -> DriverSettings:
    """
    Give settings with which both directions use all devices.

    Those are version 14's: with RFC v1's rule one device decompresses for a CPU.  Which
    gets how much is ours: see ``driver.turns``.
    """
    return msgspec.structs.replace(
        settings,
        wq_tables="package",
        distribute_comps=True,
        distribute_decomps=True,
        wq_balance="shortest",
    )


class Bulk:
    """
    Compresses and decompresses arrays of pages; calls of threads take turns.

    Args:
        submitter: its own, with as many buffers as *shape* has pages.
        staging: a frame for each of them.
        shape: of its requests, a run of pages each.
    """

    def __init__(self, submitter: Submitter, staging: Staging, shape: Shape) -> None:
        self._compressor = submitter.config.compressor
        self._driver = submitter.driver
        self._staging = staging
        self._submitter = submitter
        self._most = shape.pages_per_request
        self._nr_devices = max(1, len(submitter.config.topology.devices))
        self._pipeline = Pipeline(submitter.driver, submitter.clock, shape, Histogram())

    def compress(self, pages: Pages) -> Packed:
        """
        Compress every page; what does not compress is kept as it is.

        Raises:
            ClosedError: the machine is closed.
        """
        run_pages = even_run(len(pages), self._most, self._nr_devices)
        packing = Packing(self._compressor, len(pages), run_pages)

        def submit(request: Request, runs: list[range]) -> int:
            run = runs[0]
            self._staging.place(request, pages[run.start : run.stop])
            return self._driver.compress(request)

        def take(request: Request, runs: list[range]) -> None:
            self._staging.pack(packing, request, runs[0].start, self._driver)

        with self._submitter.turn:
            self._submitter.check_open()
            self._pipeline.run(cut(len(pages), run_pages), submit, take)
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
        unpacking = Unpacking(packed, out, self._driver, self._staging)
        unpacking.check(self._compressor)
        with self._submitter.turn:
            self._submitter.check_open()
            unpacking.copy_raw()
            run_pages = even_run(len(packed), self._most, self._nr_devices)
            runs = unpacking.runs(run_pages)
            self._pipeline.run(runs, unpacking.submit, unpacking.take)
        unpacking.raise_any()
