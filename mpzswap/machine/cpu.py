"""This process acting as a CPU: submit a batch, do something else, poll."""

import asyncio
import math
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

from mpzswap.acomp.request import EAGAIN, Request
from mpzswap.errors import ClosedError, CompletionTimeoutError
from mpzswap.machine.closing import Closing
from mpzswap.machine.packed import Packed, Packing
from mpzswap.machine.signals import uninterrupted
from mpzswap.machine.staging import Staging
from mpzswap.machine.submitter import Submitter
from mpzswap.page.frame import PagesLike, as_pages

# Pages that batches of one CPU may have in flight together.
NR_BUFFERS = 512
# Ours: six times the limit that the driver has for a request by default.  A topology
# may give it up to an hour, completion_timeout_ms; then say how long to wait.
WAIT_TIMEOUT_S = 30.0
# Between two looks of a coroutine: some pages' time; the loop serves others then.
AWAIT_INTERVAL_S = 0.0002


class Batch:
    """
    Pages that are being compressed; made by ``Cpu.submit``.

    It may be dropped: its CPU sees it to its end.
    """

    def __init__(self, cpu: "Cpu", request: Request, nr_pages: int) -> None:
        self._cpu = cpu
        self._request: Request | None = request
        self._nr_pages = nr_pages
        self._packed: Packed | None = None

    def __len__(self) -> int:
        """Give the number of pages."""
        return self._nr_pages

    def poll(self) -> bool:
        """Tell whether every page has a status; never waits for a device."""
        with uninterrupted(), self._cpu.turn:
            return self._poll()

    def wait(self, timeout_s: float = WAIT_TIMEOUT_S) -> Packed:
        """
        Wait for all pages.

        Raises:
            CompletionTimeoutError: not done within *timeout_s*; it goes on.
        """
        if math.isnan(timeout_s):
            raise ValueError("timeout_s: nan, must be a number of seconds")
        until = time.monotonic() + timeout_s
        while not self.poll():
            if time.monotonic() > until:
                raise CompletionTimeoutError(
                    f"batch of {len(self)} pages: not done within {timeout_s} s"
                )
            # Without the lock: a pause only reads, and sleeps.
            if (request := self._request) is not None:
                self._cpu.driver.pause([request])
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
        request, self._packed = self._request, self._cpu.pack(self._request)
        # No more ours before it is given back: given back twice, its buffers would
        # belong to two batches.
        self._request = None
        self._cpu.driver.release(request)
        return True


class Cpu(Closing):
    """
    A CPU of the topology; made by ``Machine.cpu``, used by any thread.

    Args:
        submitter: its own.
        staging: as many frames as the submitter has buffers.
        give_back: gives the machine back what it made for us.
    """

    def __init__(
        self, submitter: Submitter, staging: Staging, give_back: Callable[[], None]
    ) -> None:
        self.driver = submitter.driver
        self._submitter = submitter
        self._staging = staging
        self._give_back = give_back
        self._closed = False
        self._batches: list[Batch] = []

    @property
    def turn(self) -> threading.Lock:
        """The lock of our submitter; ClosedError in a fork of its process."""
        return self._submitter.turn

    def close(self) -> None:
        """
        See every batch to its end, and give all back.  It may be repeated.

        Batches that were submitted before keep their results.
        """
        if not self._submitter.is_ours:
            return  # A fork of its owner: nothing here is ours to give back.
        with self.turn:
            if self._closed:
                return
            # At its end the machine has taken back what it gave.
            mine = not self._submitter.closed
            while mine and self._pending():
                self.driver.pause([b._request for b in self._batches if b._request])  # noqa: SLF001 - ours
            self._closed = True
            self._submitter.close()
        # Without our lock: the machine takes its own, and nobody holds two.
        if mine:
            self._give_back()

    def submit(self, pages: PagesLike) -> Batch:
        """
        Compress *pages*, bytes-like of N * 4096 or an (N, 4096) array.

        It returns at once; with sync_mode ``sync``, when all is done.

        Pages in memory of ``Machine.allocate_pages`` are not copied, and must not
        be changed before the batch is done.

        Raises:
            ClosedError: it or its machine is closed.
            QueueFullError: so many are in flight that there are no buffers; try again.
            ValueError: no pages, more than 512, or a size no multiple of 4096.
        """
        array = as_pages(pages)
        if not 0 < len(array) <= NR_BUFFERS:
            raise ValueError(f"pages: {len(array)}, must be 1 to {NR_BUFFERS} a batch")
        with uninterrupted(), self.turn:
            self.check_open()
            # What is done gives its buffers back, whether somebody asks or not.
            self._pending()
            request = self.driver.allocate(len(array))
            batch = Batch(self, request, len(array))
            try:
                self._staging.place(request, array)
                self.driver.compress(request)
            finally:
                # An interrupt may have come when devices had it already.
                if request.errors:
                    self._batches.append(batch)
                else:
                    self.driver.release(request)
            return batch

    def check_open(self) -> None:
        """Refuse to work after the end."""
        if self._closed:
            raise ClosedError(f"CPU {self._submitter.config.cpu}: is closed")
        self._submitter.check_open()

    def pack(self, request: Request) -> Packed:
        """Give what came of a request."""
        nr_pages = len(request.pages)
        packing = Packing(self._submitter.config.compressor, nr_pages, nr_pages)
        self._staging.pack(packing, request, 0, self.driver)
        return packing.done()

    def _pending(self) -> bool:
        """Take what is done; tell whether a batch is not."""
        self._batches = [batch for batch in self._batches if not batch._poll()]  # noqa: SLF001 - one of ours
        return bool(self._batches)
