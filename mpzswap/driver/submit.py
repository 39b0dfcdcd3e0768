"""
Submission: which queues, how many pages to each, and what if all are full.

The queues of an operation are used in turn (wq_table_next_wq): a request's pages
are dealt out to them, and the next request begins where it ended.  What a queue does
not take is offered to the next ones, and again whenever the request is polled.

Queues that have refused for as long as a request may wait are believed full: the next
requests try once, and wait no more until one of them is taken.  Otherwise each of them
would wait in vain for as long, a second for a handful of pages.
"""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter

from mpzswap.acomp.request import Operation
from mpzswap.clock.steps import Step
from mpzswap.driver.estimate import ServiceTimes
from mpzswap.driver.harvest import GRACE_PART
from mpzswap.driver.outcome import Outcome
from mpzswap.driver.parts import DriverParts
from mpzswap.driver.prepare import Row, Sender, prep_compress, prep_decompress
from mpzswap.driver.queue import SubmitQueue
from mpzswap.driver.request import IaaRequest, Run, Unverified, picked
from mpzswap.driver.turns import Dealer, Shortest, Turns
from mpzswap.topology.wq_table import WqId

# Ours: attempts closer together than this count as one.  The kernel's are some ns
# apart, and an entry is free again after some us; a device that is a process may
# have no core for many ms.
RETRY_INTERVAL_NS = 1_000_000
# How much of ours a queue has to do; what its device has taken and not answered too.
IN_FLIGHT = attrgetter("in_flight")
# Of two pages it does not matter which is first; of more than the kernel's batches
# have, neither: the largest is a small part of them.
MIN_ORDERED, MAX_ORDERED = 3, 64
DESCRIPTORS = {
    Operation.COMPRESS: Step.COMPRESS_DESCRIPTOR,
    Operation.DECOMPRESS: Step.DECOMPRESS_DESCRIPTOR,
}


@dataclass(eq=False)
class Table:
    """The queues of one operation, and whose turn it is."""

    queues: Sequence[SubmitQueue]
    dealer: Dealer
    # Whether a request has used up its retries since a queue last took anything.
    refuses: bool = False

    def retries(self, setting: int) -> int:
        """Give how often a request may try again, of the *setting* for it."""
        return 0 if self.refuses else setting


class Submission:
    """Puts pages into work queues; see the module."""

    def __init__(
        self, parts: DriverParts, times: ServiceTimes, outcome: Outcome
    ) -> None:
        self._parts = parts
        self._times = times
        self._outcome = outcome
        timeout_ns = parts.settings.completion_timeout_ms * 1_000_000
        self._overdue_ns = timeout_ns - timeout_ns // GRACE_PART
        handle = parts.interrupt.handle if parts.interrupt else 0
        self._sender = Sender.of(parts.pasid, handle)
        self._tables: dict[Operation, Table] = {}
        self._generation = -1

    def submit(self, request: IaaRequest) -> None:
        """Put what waits into queues; software does it where there are none."""
        request.attempted_ns = self._parts.clock.now_ns()
        # Looked at each time: a device may die while a request waits for a place.
        if self._parts.machine.generation() != self._generation:
            self._rebalance()
        table = self._tables[request.operation]
        if not table.queues:
            self._outcome.fall_back_rest(request, "no_device")
            return
        shares = table.dealer.deal(request.waiting)
        if self._is_ordered(request):
            request.put_largest_first(shares[0][1] if shares[1:] else 1)
        try:
            self._submit_in_turn(request, table.queues, shares)
        finally:
            # After all are published: to wake one device costs us more than to
            # prepare for the next, which may be awake.
            for run in request.runs:
                run.queue.doorbell.ring()
        if request.waiting:
            self._count_retry(request)

    def verify(self, request: IaaRequest) -> None:
        """Let devices decompress what they have compressed, as far as queues take."""
        for part in request.unverified:
            self._submit_to(part.queue, request, part.left, part)
            part.queue.doorbell.ring()
        request.unverified = [part for part in request.unverified if part.left]
        if request.unverified:
            self._count_retry(request)

    def crowd(self) -> float:
        """Give how many processes want a core, for each core: up to 1 we may spin."""
        # Only queues in use: a dead device needs no core.
        busy = {
            queue.device
            for table in self._tables.values()
            for queue in table.queues
            if queue.in_flight
        }
        machine = self._parts.machine
        return (len(busy) + machine.submitters()) / machine.cores

    def _is_ordered(self, request: IaaRequest) -> bool:
        """Tell whether to choose which page comes first: nothing is on its way yet."""
        decompress = request.operation == Operation.DECOMPRESS
        begins = decompress and not request.next
        return begins and MIN_ORDERED <= request.waiting <= MAX_ORDERED

    def _submit_in_turn(
        self,
        request: IaaRequest,
        queues: Sequence[SubmitQueue],
        shares: Sequence[tuple[int, int]],
    ) -> None:
        """Give each queue its share, and what those before it did not take."""
        refused = 0
        for place, share in shares:
            wanted = share + refused
            refused = wanted - self._submit_to(queues[place], request, wanted)
        if not refused:
            return
        # Those that were to get nothing, beginning behind the first of the others.
        first, dealt = shares[0][0], {place for place, _ in shares}
        for place in [*range(first, len(queues)), *range(first)]:
            if refused and place not in dealt:
                refused -= self._submit_to(queues[place], request, refused)

    def _submit_to(
        self,
        queue: SubmitQueue,
        request: IaaRequest,
        wanted: int,
        part: Unverified | None = None,
    ) -> int:
        """Put what comes next, or what comes next of *part*, into a queue."""
        before = queue.lane.published
        run = None
        try:
            count = queue.try_reserve(wanted)
            if not count:
                return 0
            operation = Operation.DECOMPRESS if part else request.operation
            self._parts.clock.spend(DESCRIPTORS[operation], count)
            now_ns = self._parts.clock.now_ns()
            start = part.start if part else request.next
            run = Run(queue, start, start + count, now_ns, part)
            run.attempted_ns = request.attempted_ns
            self._publish(request, run)
        except BaseException:
            # Ctrl-C may come anywhere: what was not published takes no place.
            if queue.lane.published == before:
                queue.occupancy.settle(before)
                if run is not None:
                    request.withdraw(run)
            raise
        self._count(request, run)
        request.retries = 0
        self._tables[request.operation].refuses = False
        queue.expect(now_ns, self._times.expected_ns(operation, count))
        # Others' descriptors may be before ours.
        others_ns = now_ns + self._times.expected_ns(operation, queue.occupancy.seen)
        # Nobody looks before it is due, so that is never later than it is overdue.
        due_ns = min(max(queue.free_ns, others_ns), now_ns + self._overdue_ns)
        request.due_ns = max(request.due_ns, due_ns)
        return count

    def _publish(self, request: IaaRequest, run: Run) -> None:
        """Fill the slots of a run, note it, and hand it over, in this order."""
        count = run.stop - run.start
        if run.part is not None:
            # What is left there from compression is no answer.
            self._parts.portal.clear(request.first + run.start, count)
            self._prepare_decompress(request, run, self._sender.verify)
        elif request.operation == Operation.COMPRESS:
            self._prepare_compress(request, run)
        else:
            self._prepare_decompress(request, run, self._sender.decompress)
        request.note(run)
        run.queue.publish(count)

    def _count(self, request: IaaRequest, run: Run) -> None:
        count, stats = run.stop - run.start, run.queue.stats
        stats.max_occupancy = run.queue.occupancy.highest
        if run.part is not None:
            stats.verify_calls += count
        elif request.operation == Operation.COMPRESS:
            stats.comp_calls += count
            self._outcome.stats.total_comp_calls += count
        else:
            stats.decomp_calls += count
            self._outcome.stats.total_decomp_calls += count

    # Hot: once a run; see ``prepare``.

    def _prepare_compress(self, request: IaaRequest, run: Run) -> None:
        assert isinstance(request.order, range), "compression is in the pages' order"
        records = self._records(request, run)
        buffers = request.buffers.addresses(run.start, run.stop - run.start)
        row = self._sender.compress
        for first, slots in run.queue.lane.rows(len(records)):
            start = run.start + first
            pages = request.pages[start : start + len(slots)]
            prep_compress(slots, row, records[first], pages, buffers[first])

    def _prepare_decompress(self, request: IaaRequest, run: Run, row: Row) -> None:
        records = self._records(request, run)
        for first, slots in run.queue.lane.rows(len(records)):
            start = run.start + first
            order = request.order[start : start + len(slots)]
            sources = picked(request.inputs, order), picked(request.lengths, order)
            pages = picked(request.pages, order)
            prep_decompress(slots, row, records[first], sources, pages)

    def _records(self, request: IaaRequest, run: Run) -> range:
        """Give the address of the record of each position of a run."""
        first, count = request.first + run.start, run.stop - run.start
        return self._parts.portal.record_addresses(first, count)

    # Want of places

    def _count_retry(self, request: IaaRequest) -> None:
        """No queue had a place: bounded, as IAA_ALLOC_DESC_COMP_TIMEOUT has it."""
        now_ns = self._parts.clock.now_ns()
        if request.retries and now_ns - request.tried_ns < RETRY_INTERVAL_NS:
            return
        request.retries += 1
        request.tried_ns = now_ns
        # A queue may be full since its device is dead: then the table changes, and
        # the next attempt has other queues.
        table = self._tables[request.operation]
        for server in {queue.server for queue in table.queues}:
            self._parts.machine.is_usable(*server)
        settings = self._parts.settings
        decomp_retries = table.retries(settings.decomp_alloc_retries)
        self._give_up_unverified(request, decomp_retries)
        if request.operation == Operation.COMPRESS:
            if request.retries > table.retries(settings.comp_alloc_retries):
                table.refuses = True
                self._outcome.fail_rest(request, -errno.ENODEV, "queue_full")
        elif request.retries > decomp_retries:
            table.refuses = True
            self._outcome.fall_back_rest(request, "queue_full")

    def _give_up_unverified(self, request: IaaRequest, retries: int) -> None:
        """Compress anew, in software, what no device will verify."""
        is_usable = self._parts.machine.is_usable
        used_up = request.retries > retries
        for part in list(request.unverified):
            if used_up or not is_usable(*part.queue.server):
                request.unverified.remove(part)
                reason = "queue_full" if used_up else "device_died"
                for page in request.order[part.start : part.stop]:
                    self._outcome.fall_back(request, page, reason)

    def _rebalance(self) -> None:
        """Choose the queues anew out of those that are usable now."""
        machine = self._parts.machine
        generation = machine.generation()
        tables = machine.tables()
        by_id = {
            (queue.device, queue.wq): queue
            for queue in self._parts.queues
            if queue.incarnation == machine.incarnation(queue.device)
        }

        def table(wqs: Sequence[WqId], consec: int = 1) -> Table:
            queues = [by_id[wq] for wq in wqs]
            if self._parts.settings.wq_balance == "shortest":
                lengths = [partial(IN_FLIGHT, queue) for queue in queues]
                # Submitters begin with different ones.
                first = self._parts.pasid % max(1, len(queues))
                return Table(queues, Shortest(lengths, first))
            return Table(queues, Turns(len(wqs), consec))

        self._tables = {
            Operation.COMPRESS: table(tables.comp, tables.comp_consec),
            Operation.DECOMPRESS: table(tables.decomp),
        }
        # Last: an exception of the user's may come anywhere, and then it is not done.
        self._generation = generation
