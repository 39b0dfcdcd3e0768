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

One instance serves one submitter: a CPU's worker, or a thread of the user.
"""

from collections.abc import Sequence

from mpzswap.acomp.request import EAGAIN, EINPROGRESS, Operation, Request
from mpzswap.completion.wait import Waiter
from mpzswap.driver.estimate import ServiceTimes
from mpzswap.driver.harvest import Harvest
from mpzswap.driver.outcome import Outcome
from mpzswap.driver.parts import DriverParts
from mpzswap.driver.request import IaaRequest, ours
from mpzswap.driver.software import Software
from mpzswap.driver.stats import DriverStats
from mpzswap.driver.submit import Submission


class IaaCrypto:
    """The driver of one submitter; see the module."""

    def __init__(self, parts: DriverParts) -> None:
        self.stats = DriverStats()
        self.queues = parts.queues
        self._portal = parts.portal
        self._clock = parts.clock
        self._waiter = Waiter(parts.clock)
        self._times = times = ServiceTimes()
        self.software = Software(parts.codec, parts.space)
        outcome = Outcome(self.stats, self.software)
        self._submission = Submission(parts, times, outcome)
        self._harvest = Harvest(parts, times, outcome)

    def allocate(self, capacity: int) -> IaaRequest:
        """Give a request for up to *capacity* pages; QueueFullError if none is left."""
        first = self._portal.allocate(capacity)
        return IaaRequest(self._portal.buffers(first, capacity), first=first)

    def release(self, request: Request) -> None:
        """Take back a request that is not in flight."""
        request = ours(request)
        if request.runs:
            raise ValueError(f"release: {request.in_flight} pages are in flight")
        self._portal.release(request.first, request.capacity)

    def compress(self, request: Request) -> int:
        """Submit; -EINPROGRESS, or 0 where software has done it already."""
        return self._start(ours(request), Operation.COMPRESS)

    def decompress(self, request: Request) -> int:
        """Submit; -EINPROGRESS, or 0 where software has done it already."""
        return self._start(ours(request), Operation.DECOMPRESS)

    def poll(self, request: Request) -> int:
        """Give -EAGAIN while a page is pending, then 0 or the first page's error."""
        request = ours(request)
        if request.waiting:
            self._submission.submit(request)
        if request.runs:
            self._harvest.take(request)
        if request.waiting or request.runs:
            return EAGAIN
        return next((error for error in request.errors if error), 0)

    def pause(self, requests: Sequence[Request]) -> None:
        """Give the devices time; all of *requests* that are pending are waited for."""
        pending = [ours(request) for request in requests]
        # One that waits for a place looks again about when something else is done.
        soon_ns = self._clock.now_ns() + self._times.expected_ns(Operation.COMPRESS, 1)
        due_ns = min((r.due_ns for r in pending if r.runs), default=soon_ns)
        self._waiter.pause(due_ns, core_to_spare=self._submission.has_core_to_spare())

    def _start(self, request: IaaRequest, operation: Operation) -> int:
        request.check_idle()
        # Before it counts as started: a status left from earlier is no answer.
        self._portal.clear(request.first, len(request.pages))
        request.start(operation)
        if request.waiting:
            self._submission.submit(request)
        return EINPROGRESS if request.runs or request.waiting else 0
