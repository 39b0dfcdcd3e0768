"""
Submission: which queues, how many pages to each, and what if all are full.

The queues of an operation are used in turn (wq_table_next_wq): a request's pages
are shared out over all of them, and the next request begins where it ended.  What
they do not take is tried again whenever the request is polled.
"""

import errno
from collections import Counter
from collections.abc import Iterable

from mpzswap.acomp.request import Operation
from mpzswap.driver.estimate import ServiceTimes
from mpzswap.driver.outcome import Outcome
from mpzswap.driver.parts import DriverParts
from mpzswap.driver.prepare import prep_compress, prep_decompress
from mpzswap.driver.queue import SubmitQueue
from mpzswap.driver.request import IaaRequest, Run

# Ours: attempts closer together than this count as one.  The kernel's are some ns
# apart, and an entry is free again after some us; a device that is a process may
# have no core for many ms.
RETRY_INTERVAL_NS = 1_000_000


class Submission:
    """Puts pages into work queues; see the module."""

    def __init__(
        self, parts: DriverParts, times: ServiceTimes, outcome: Outcome
    ) -> None:
        self._parts = parts
        self._times = times
        self._outcome = outcome
        self._tables: dict[Operation, list[SubmitQueue]] = {}
        self._turn = Counter[Operation]()
        self._generation = -1

    def submit(self, request: IaaRequest) -> None:
        """Put what waits into queues; software does it where there are none."""
        # Looked at each time: a device may die while a request waits for a place.
        if self._parts.machine.generation() != self._generation:
            self._rebalance()
        table = self._tables[request.operation]
        if not table:
            self._outcome.fall_back_rest(request, "no_device")
            return
        share = -(-request.waiting // len(table))
        turn = self._turn[request.operation]
        used = 0
        try:
            while request.waiting and used < len(table):
                used += 1
                self._submit_to(table[(turn + used - 1) % len(table)], request, share)
        finally:
            # After all are published: to wake one device costs us more than to
            # prepare for the next, which may be awake.
            for place in range(turn, turn + used):
                table[place % len(table)].doorbell.ring()
        self._turn[request.operation] = (turn + used) % len(table)
        if request.waiting:
            self._count_retry(request)

    def has_core_to_spare(self) -> bool:
        """Tell whether we may spin: all that works for us has a core of its own."""
        # Only queues in use: what a dead device had stays outstanding for ever.
        busy = {
            queue.device
            for table in self._tables.values()
            for queue in table
            if queue.in_flight
        }
        machine = self._parts.machine
        return len(busy) + machine.submitters() <= machine.cores

    def _submit_to(self, queue: SubmitQueue, request: IaaRequest, share: int) -> None:
        count = queue.try_reserve(min(share, request.waiting))
        if not count:
            return
        now_ns = self._parts.clock.now_ns()
        run = Run(queue, request.next, request.next + count, now_ns)
        before = queue.lane.published
        try:
            self._publish(request, run)
        except BaseException:
            # Ctrl-C may come anywhere: what was not published takes no place.
            if queue.lane.published == before:
                queue.occupancy.settle(before)
                request.withdraw(run)
            raise
        self._count(request, run)
        request.retries = 0
        work_ns = self._times.expected_ns(request.operation, queue.occupancy.seen)
        request.due_ns = max(request.due_ns, now_ns + work_ns)

    def _publish(self, request: IaaRequest, run: Run) -> None:
        """Fill the slots of a run, note it, and hand it over, in this order."""
        if request.operation == Operation.COMPRESS:
            self._prepare_compress(request, run)
        else:
            self._prepare_decompress(request, run)
        request.runs.append(run)
        request.next = run.stop
        run.queue.publish(run.stop - run.start)

    def _count(self, request: IaaRequest, run: Run) -> None:
        count, stats = run.stop - run.start, run.queue.stats
        stats.max_occupancy = run.queue.occupancy.highest
        if request.operation == Operation.COMPRESS:
            stats.comp_calls += count
            self._outcome.stats.total_comp_calls += count
        else:
            stats.decomp_calls += count
            self._outcome.stats.total_decomp_calls += count

    # Hot: once a page.  Addresses are looked up by the run and advanced by steps.

    def _prepare_compress(self, request: IaaRequest, run: Run) -> None:
        slots, pasid = run.queue.lane.slots, self._parts.pasid
        for slot, completion, buffer, page in self._places(request, run):
            prep_compress((slots, slot), pasid, completion, page, buffer)

    def _prepare_decompress(self, request: IaaRequest, run: Run) -> None:
        slots, pasid = run.queue.lane.slots, self._parts.pasid
        lengths = request.lengths[run.start : run.stop]
        places = zip(self._places(request, run), lengths, strict=True)
        for (slot, completion, buffer, page), length in places:
            prep_decompress((slots, slot), pasid, completion, (buffer, length), page)

    def _places(
        self, request: IaaRequest, run: Run
    ) -> Iterable[tuple[int, int, int, int]]:
        """Give, for each page of a run: slot, record, buffer, uncompressed page."""
        count = run.stop - run.start
        return zip(
            map(run.queue.lane.slot, range(count)),
            self._parts.portal.record_addresses(request.first + run.start, count),
            request.buffers.addresses(run.start, count),
            request.pages[run.start : run.stop],
            strict=True,
        )

    def _count_retry(self, request: IaaRequest) -> None:
        """No queue had a place: bounded, as IAA_ALLOC_DESC_COMP_TIMEOUT has it."""
        now_ns = self._parts.clock.now_ns()
        if request.retries and now_ns - request.tried_ns < RETRY_INTERVAL_NS:
            return
        request.retries += 1
        request.tried_ns = now_ns
        # A queue may be full since its device is dead: then the table changes, and
        # the next attempt has other queues.
        for device in {queue.device for queue in self._tables[request.operation]}:
            self._parts.machine.is_usable(device)
        settings = self._parts.settings
        if request.operation == Operation.COMPRESS:
            if request.retries > settings.comp_alloc_retries:
                self._outcome.fail_rest(request, -errno.ENODEV, "queue_full")
        elif request.retries > settings.decomp_alloc_retries:
            self._outcome.fall_back_rest(request, "queue_full")

    def _rebalance(self) -> None:
        """Choose the queues anew out of those that are usable now."""
        generation = self._parts.machine.generation()
        tables = self._parts.machine.tables()
        by_id = {(queue.device, queue.wq): queue for queue in self._parts.queues}
        self._tables = {
            Operation.COMPRESS: [by_id[wq] for wq in tables.comp],
            Operation.DECOMPRESS: [by_id[wq] for wq in tables.decomp],
        }
        # Last: an exception of the user's may come anywhere, and then it is not done.
        self._generation = generation
