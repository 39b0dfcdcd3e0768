"""This process acting as a CPU: submit a batch, do something else, poll."""

import asyncio
import threading
import time
from collections.abc import Generator
from typing import Any

import numpy as np

from mpzswap.acomp.request import EAGAIN, Request
from mpzswap.errors import CompletionTimeoutError
from mpzswap.machine.packed import Packed, Packing
from mpzswap.machine.staging import Staging, pack
from mpzswap.machine.submitter import Submitter
from mpzswap.page.frame import Pages, PagesLike, as_pages

# Pages that batches of one CPU may have in flight together.
NR_BUFFERS = 512
# Ours: longer than the driver's own limit for a request, which ends it sooner.
WAIT_TIMEOUT_S = 30.0
# Between two looks of a coroutine: some pages' time; the loop serves others then.
AWAIT_INTERVAL_S = 0.0002


class Batch:
    """
    Pages that are being compressed; made by ``Cpu.submit``.

    It may be dropped: its CPU sees it to its end.
    """

    def __init__(self, cpu: "Cpu", request: Request, pages: Pages) -> None:
        self._cpu = cpu
        self._request: Request | None = request
        self._pages = pages
        self._packed: Packed | None = None

    def __len__(self) -> int:
        """Give the number of pages."""
        return len(self._pages)

    def poll(self) -> bool:
        """Tell whether every page has a status; never blocks."""
        with self._cpu.lock:
            return self._poll()

    def wait(self, timeout_s: float = WAIT_TIMEOUT_S) -> Packed:
        """
        Wait for all pages.

        Raises:
            CompletionTimeoutError: not done within *timeout_s*; it goes on.
        """
        until = time.monotonic() + timeout_s
        with self._cpu.lock:
            while not self._poll():
                if time.monotonic() > until:
                    raise CompletionTimeoutError(
                        f"batch of {len(self)} pages: not done within {timeout_s} s"
                    )
                assert self._request is not None
                self._cpu.driver.pause([self._request])
        assert self._packed is not None
        return self._packed

    def __await__(self) -> Generator[Any, None, Packed]:
        """Wait for all pages without holding up the event loop."""
        return self._wait().__await__()

    async def _wait(self) -> Packed:
        while not self.poll():  # noqa: ASYNC110 - a device's answer is no event here
            await asyncio.sleep(AWAIT_INTERVAL_S)
        assert self._packed is not None
        return self._packed

    def _poll(self) -> bool:
        if self._request is None:
            return True
        self._cpu.check_open()
        if self._cpu.driver.poll(self._request) == EAGAIN:
            return False
        packing = Packing(self._cpu.compressor, len(self))
        pack(packing, self._request, range(len(self)), self._pages)
        self._packed = packing.done()
        self._cpu.driver.release(self._request)
        self._request = None
        return True


class Cpu:
    """A CPU of the topology; made by ``Machine.cpu``, used by any thread."""

    def __init__(self, submitter: Submitter, staging: Staging) -> None:
        self.compressor = submitter.config.compressor
        self.driver = submitter.driver
        self.check_open = submitter.check_open
        # A lock of this process alone: threads of the user take turns.
        self.lock = threading.Lock()
        self._staging = staging
        self._batches: list[Batch] = []

    def submit(self, pages: PagesLike) -> Batch:
        """
        Compress *pages*, bytes-like of N * 4096 or an (N, 4096) array; return at once.

        Pages in memory of ``Machine.allocate_pages`` are not copied, and must not
        be changed before the batch is done.

        Raises:
            QueueFullError: so many are in flight that there are no buffers; try again.
            ValueError: no pages, more than 512, or a size no multiple of 4096.
        """
        array = as_pages(pages)
        if not 0 < len(array) <= NR_BUFFERS:
            raise ValueError(f"pages: {len(array)}, must be 1 to {NR_BUFFERS} a batch")
        with self.lock:
            self.check_open()
            # What is done gives its buffers back, whether somebody asks or not.
            self._batches = [batch for batch in self._batches if not batch._poll()]  # noqa: SLF001 - one of ours
            request = self.driver.allocate(len(array))
            self._staging.place(request, array)
            self.driver.compress(request)
            kept = array if array.flags.owndata else np.array(array)
            batch = Batch(self, request, kept)
            self._batches.append(batch)
            return batch
