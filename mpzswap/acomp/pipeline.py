"""
Sub-batches in flight: submit one, and look after another meanwhile.

    items --> | sub-batch | --submit--> devices --poll--> take
              | sub-batch |             several in flight where batching is on

    batching    requests in a sub-batch    pages in a request    sub-batches
    off         1                          1                     1
    requests    batch_size                 1                     2 or more
    driver      1                          batch_size            2 or more

One loop for all three, and for compression and decompression: a single page is a
sub-batch of one.  At least two, since the devices would otherwise wait while we
put the last one's pages away.  Whatever has finished is taken first; no order is
implied.  That every request ends is the transform's promise, so no limit is here.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, NamedTuple, TypeVar, get_args

from mpzswap.acomp.request import EAGAIN, EINPROGRESS, Acomp, Request
from mpzswap.clock.histogram import Histogram
from mpzswap.clock.work import Clock
from mpzswap.topology.settings import Batching

T = TypeVar("T")


class Shape(NamedTuple):
    """How sub-batches are cut; 0 items a request: one a page."""

    nr_requests: int
    pages_per_request: int
    nr_sub_batches: int
    items_per_request: int = 0

    @property
    def nr_pages(self) -> int:
        """Pages that all requests hold together."""
        return self.nr_requests * self.pages_per_request * self.nr_sub_batches

    @classmethod
    def of(
        cls, batching: Batching, batch_size: int, nr_sub_batches: int = 2
    ) -> "Shape":
        """
        Give the shape of a batching mode; without batching there is one sub-batch.

        Raises:
            ValueError: there is no such mode.
        """
        match batching:
            case "off":
                return cls(1, 1, 1)
            case "requests":
                return cls(batch_size, 1, nr_sub_batches)
            case "driver":
                return cls(1, batch_size, nr_sub_batches)
        raise ValueError(
            f"batching: must be one of {', '.join(get_args(Batching))}, "
            f"not {batching!r}"
        )


@dataclass(eq=False, slots=True)
class SubBatch:
    """Requests that are submitted together."""

    requests: list[Request]
    # How many of them have not ended.
    pending: int = 0
    submitted_ns: int = 0


@dataclass(eq=False, slots=True)
class Flight(Generic[T]):
    """A request that has been submitted, and what it is about."""

    request: Request
    items: list[T]
    sub_batch: SubBatch


class Pipeline:
    """
    The requests of one CPU, used again and again.

    Args:
        acomp: the transform.
        clock: whose time the latency is in.
        shape: how sub-batches are cut.
        latency: told the ns of each sub-batch, from submit to its last page.
    """

    def __init__(
        self, acomp: Acomp, clock: Clock, shape: Shape, latency: Histogram
    ) -> None:
        self._acomp = acomp
        self._clock = clock
        self._shape = shape
        self._latency = latency
        with contextlib.ExitStack() as stack:
            self._sub_batches = [
                SubBatch([self._allocate(stack) for _ in range(shape.nr_requests)])
                for _ in range(shape.nr_sub_batches)
            ]
            self._release = stack.pop_all()
        self._idle = list(self._sub_batches)

    def close(self) -> None:
        """Give the requests back."""
        self._release.close()

    def run(
        self,
        items: Iterator[T],
        submit: Callable[[Request, list[T]], int],
        take: Callable[[Request, list[T]], None],
    ) -> None:
        """
        Do all *items*; drawn as there is room, so that what became of some can count.

        Args:
            items: one a page, or as the shape says.
            submit: fills a request for these items and submits it; gives what the
                transform gave.
            take: is given each request that has ended, with its items.
        """
        flights: list[Flight[T]] = []
        if len(self._idle) < len(self._sub_batches):
            # A second Ctrl-C came while the last call waited for what it had begun.
            self._drain()
        try:
            while True:
                self._fill(flights, items, submit, take)
                if not flights:
                    return
                self._collect(flights, take)
        except BaseException:
            # Devices may still write into these requests: none is used again, or
            # given back, before it has ended.
            self._drain()
            raise

    def _fill(
        self,
        flights: list[Flight[T]],
        items: Iterator[T],
        submit: Callable[[Request, list[T]], int],
        take: Callable[[Request, list[T]], None],
    ) -> None:
        """Submit sub-batches while one is idle and there are items."""
        shape = self._shape
        count = shape.items_per_request or shape.pages_per_request
        while self._idle:
            sub_batch = self._idle.pop()
            sub_batch.submitted_ns = self._clock.now_ns()
            # Ours, until all its requests are submitted: the first may be done before.
            sub_batch.pending = 1
            drawn = 0
            for request in sub_batch.requests:
                part = list(islice(items, count))
                if not part:
                    break
                drawn += 1
                # Noted first: an interrupt may come as soon as devices have it.
                request.errors = []
                flight = Flight(request, part, sub_batch)
                flights.append(flight)
                sub_batch.pending += 1
                if submit(request, part) != EINPROGRESS:
                    flights.pop()
                    self._end(flight, take)
            if drawn:
                self._let_go(sub_batch)
            else:
                self._idle.append(sub_batch)
            if drawn < len(sub_batch.requests):
                return

    def _collect(
        self, flights: list[Flight[T]], take: Callable[[Request, list[T]], None]
    ) -> None:
        """Take what has ended; if nothing has, give the devices time."""
        poll = self._acomp.poll
        ended: list[Flight[T]] = []
        pending: list[Flight[T]] = []
        for each in flights:
            (pending if poll(each.request) == EAGAIN else ended).append(each)
        if not ended:
            self._acomp.pause([each.request for each in pending])
            return
        flights[:] = pending
        for each in ended:
            self._end(each, take)

    def _end(self, flight: Flight[T], take: Callable[[Request, list[T]], None]) -> None:
        self._let_go(flight.sub_batch)
        take(flight.request, flight.items)

    def _let_go(self, sub_batch: SubBatch) -> None:
        """One thing less is pending; with the last the sub-batch is done."""
        sub_batch.pending -= 1
        if not sub_batch.pending:
            self._latency.record(self._clock.now_ns() - sub_batch.submitted_ns)
            self._idle.append(sub_batch)

    def _drain(self) -> None:
        """Wait until nothing is in flight, and forget what came of it."""
        # Without an entry for each page the transform has not taken it.
        pending = [
            request
            for sub_batch in self._sub_batches
            for request in sub_batch.requests
            if request.errors
        ]
        while pending := [
            request for request in pending if self._acomp.poll(request) == EAGAIN
        ]:
            self._acomp.pause(pending)
        self._idle = list(self._sub_batches)

    def _allocate(self, stack: contextlib.ExitStack) -> Request:
        """Get a request that *stack* gives back."""
        request = self._acomp.allocate(self._shape.pages_per_request)
        stack.callback(self._acomp.release, request)
        return request
