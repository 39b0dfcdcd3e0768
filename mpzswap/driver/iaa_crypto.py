"""
The driver: an ``Acomp`` whose work is done by devices, or by software if need be.

    compress, decompress     pages wait
          |
       submit                as many as the queues take, spread over them
          |
       in flight             a record and a place in a queue for each page
          |
        poll                 harvest what is answered; submit what still waits
          |
       done                  0 or a negative errno for each page

How the submitter learns of it (sync_mode): ``sync``, it submits and waits; ``async``,
it polls; ``async_irq``, it polls too, but sleeps in between until a device raises the
submitter's interrupt.

One instance serves one submitter: a CPU's worker, or a thread of the user.
"""

from collections.abc import Sequence
from operator import attrgetter

from mpzswap.acomp.request import EAGAIN, EINPROGRESS, Operation, Path, Request
from mpzswap.clock.steps import Step
from mpzswap.completion.wait import Waiter
from mpzswap.driver.estimate import ServiceTimes
from mpzswap.driver.harvest import Harvest
from mpzswap.driver.outcome import Outcome
from mpzswap.driver.parts import DriverParts
from mpzswap.driver.request import IaaRequest, ours
from mpzswap.driver.software import Software
from mpzswap.driver.stages import stages_of
from mpzswap.driver.stats import DriverStats
from mpzswap.driver.submit import Submission

# Without an interrupt we look all the same: a device that died raises none.
INTERRUPT_LIMIT_NS = 10_000_000

DEVICE = int(Path.DEVICE)
CALLS = {
    Operation.COMPRESS: Step.COMPRESS_CALL,
    Operation.DECOMPRESS: Step.DECOMPRESS_CALL,
}
# Why a page was decompressed once more: see ``mpzswap.acomp.checksum``.
CHECKSUM = "checksum"


class IaaCrypto:
    """The driver of one submitter; see the module."""

    def __init__(self, parts: DriverParts) -> None:
        self.stats = DriverStats()
        self.queues = parts.queues
        self._sync = parts.settings.sync_mode == "sync"
        self._interrupt = parts.interrupt
        self._portal = parts.portal
        self._counts_stages = parts.counts_stages
        self._clock = parts.clock
        self._times = times = ServiceTimes()
        self.software = Software(parts.codec, parts.space, parts.clock)
        outcome = Outcome(self.stats, self.software)
        self._submission = Submission(parts, times, outcome)
        self._harvest = Harvest(parts, times, outcome)
        self._waiter = Waiter(parts.clock, self._harvest.grace_ns, parts.pasid)

    def allocate(self, capacity: int) -> IaaRequest:
        """Give a request for up to *capacity* pages; QueueFullError if none is left."""
        first = self._portal.allocate(capacity)
        return IaaRequest(self._portal.buffers(first, capacity), first=first)

    def release(self, request: Request) -> None:
        """Take back a request that is not in flight."""
        request = ours(request)
        if request.runs or request.unverified:
            raise ValueError(f"release: {request.in_flight} pages are in flight")
        self._portal.release(request.first, request.capacity)

    def compress(self, request: Request) -> int:
        """Submit; -EINPROGRESS, or what ``poll`` gives where it is done already."""
        return self._start(ours(request), Operation.COMPRESS)

    def decompress(self, request: Request) -> int:
        """Submit; -EINPROGRESS, or what ``poll`` gives where it is done already."""
        return self._start(ours(request), Operation.DECOMPRESS)

    def poll(self, request: Request) -> int:
        """Give -EAGAIN while a page is pending, then 0 or the first page's error."""
        request = ours(request)
        if request.waiting:
            self._submission.submit(request)
        if request.runs:
            self._harvest.take(request)
        if request.unverified:
            self._submission.verify(request)
        if request.pending:
            return EAGAIN
        if self._counts_stages:
            self._end(request)
        if not any(request.errors):
            return 0
        return next(error for error in request.errors if error)

    def compress_page(self, request: Request, page: int) -> None:
        """Do in software a page that failed, for whoever cannot do without it."""
        self.stats.total_sw_comp_calls += 1
        self.software.compress(request, page)

    def decompress_page(self, request: Request, page: int) -> None:
        """Do in software a page that came back different: no success of a device's."""
        self.stats.device_pages -= request.paths[page] == DEVICE
        self.stats.count_reason(CHECKSUM)
        self.stats.total_sw_decomp_calls += 1
        self.software.decompress(request, page)

    def pause(self, requests: Sequence[Request]) -> None:
        """Give the devices time; all of *requests* that are pending are waited for."""
        pending = [ours(request) for request in requests]
        if self._interrupt and all(r.runs for r in pending):
            if self._interrupt.wait(self._clock, INTERRUPT_LIMIT_NS):
                self._clock.spend(Step.INTERRUPT)
            return
        crowd = self._submission.crowd()
        flying = [request for request in pending if request.runs]
        if flying:
            first = min(flying, key=attrgetter("due_ns"))
            longest = max(run.stop - run.start for run in first.runs)
            work_ns = self._times.expected_ns(first.operation, longest)
            self._waiter.pause(first.due_ns, work_ns, crowd)
            return
        # One that waits for a place looks again about when something else is done.
        soon_ns = self._times.expected_ns(Operation.COMPRESS, 1)
        due_ns = self._clock.now_ns() + soon_ns
        self._waiter.pause(due_ns, soon_ns, crowd)

    def _start(self, request: IaaRequest, operation: Operation) -> int:
        request.check_idle()
        # Before it counts as started: a status left from earlier is no answer.
        self._portal.clear(request.first, len(request.pages))
        request.start(operation)
        if self._counts_stages:
            self._begin(request)
        self._clock.spend(CALLS[operation])
        request.prepared_ns = self._clock.now_ns()
        if request.waiting:
            self._submission.submit(request)
        if not request.pending:
            return self.poll(request)
        return self._finish(request) if self._sync else EINPROGRESS

    def _begin(self, request: IaaRequest) -> None:
        """Begin to count its stages."""
        request.begun_ns = self._clock.now_ns()
        request.over_ns = 0
        request.run_times = []

    def _end(self, request: IaaRequest) -> None:
        """Tell its stages, once."""
        if request.over_ns:
            return
        request.over_ns = self._clock.now_ns()
        times = request.begun_ns, request.prepared_ns, request.over_ns
        request.stages = stages_of(times, len(request.pages), request.run_times)

    def _finish(self, request: IaaRequest) -> int:
        """Wait for all pages; that each of them ends is what ``poll`` sees to."""
        while (result := self.poll(request)) == EAGAIN:
            self.pause([request])
        return result
