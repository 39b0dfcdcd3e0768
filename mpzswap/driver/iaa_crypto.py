"""
The driver: an ``Acomp`` whose work is done by devices, or by software if need be.

    compress, decompress     todo: pages not yet in a queue
          |
       submit                as many as the queues take, spread over them
          |
       in flight             a record and a place in a queue for each page
          |
        poll                 harvest what is answered; submit what is still to do
          |
       done                  0 or a negative errno for each page

One instance serves one submitter: a CPU's worker, or a thread of the user.
"""

import errno
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from mpzswap.acomp.request import EAGAIN, EINPROGRESS, Operation, Path, Request
from mpzswap.completion.status import Status, errno_of
from mpzswap.completion.wait import Waiter
from mpzswap.driver.estimate import ServiceTimes
from mpzswap.driver.parts import DriverParts
from mpzswap.driver.prepare import prep_compress, prep_decompress
from mpzswap.driver.queue import SubmitQueue
from mpzswap.driver.software import Software
from mpzswap.driver.stats import DriverStats
from mpzswap.errors import QueueFullError
from mpzswap.page.frame import PAGE_SIZE


@dataclass(eq=False)
class IaaRequest(Request):
    """A request, and where its pages are."""

    # Its first completion record and buffer; the others follow.
    first: int = 0
    operation: Operation = Operation.COMPRESS
    # Pages that are in no queue yet, the next one last.
    todo: list[int] = field(default_factory=list)
    # The queue of each page in flight.
    queues: list[SubmitQueue | None] = field(default_factory=list)
    in_flight: int = 0
    # Attempts to get a place since the last one that got any.
    retries: int = 0
    submitted_ns: int = 0
    due_ns: int = 0
    # A device may still write into its buffers, and there were no others.
    lost: bool = False


class IaaCrypto:
    """The driver of one submitter; see the module."""

    def __init__(self, parts: DriverParts) -> None:
        self.stats = DriverStats()
        self.queues = parts.queues
        self._portal = parts.portal
        self._settings = parts.settings
        self._machine = parts.machine
        self._clock = parts.clock
        self._waiter = Waiter(parts.clock)
        self._software = Software(parts.codec, parts.space)
        self._times = ServiceTimes()
        self._pasid = parts.pasid
        self._tables: dict[Operation, list[SubmitQueue]] = {}
        self._turn = Counter[Operation]()
        self._timeout_ns = self._settings.completion_timeout_ms * 1_000_000
        self._generation = -1
        self._rebalance()

    # acomp

    def allocate(self, capacity: int) -> IaaRequest:
        """Give a request for up to *capacity* pages; MpzswapError if none is left."""
        first = self._portal.allocate(capacity)
        return IaaRequest(self._portal.buffers(first, capacity), first=first)

    def release(self, request: Request) -> None:
        """Take back a request that is not in flight."""
        request = _ours(request)
        if not request.lost:
            self._portal.release(request.first, request.capacity)

    def compress(self, request: Request) -> int:
        """Submit; -EINPROGRESS, or 0 where software has done it already."""
        return self._start(_ours(request), Operation.COMPRESS)

    def decompress(self, request: Request) -> int:
        """Submit; -EINPROGRESS, or 0 where software has done it already."""
        return self._start(_ours(request), Operation.DECOMPRESS)

    def poll(self, request: Request) -> int:
        """Give -EAGAIN while a page is pending, then 0 or the first page's error."""
        request = _ours(request)
        if request.todo:
            self._submit(request)
        if request.in_flight:
            statuses = self._portal.statuses(request.first, len(request.pages))
            if 0 not in statuses:
                self._harvest(request, range(len(statuses)), statuses)
            elif request.todo or self._clock.now_ns() > request.due_ns:
                self._harvest_part(request, statuses)
        if request.todo or request.in_flight:
            return EAGAIN
        return next((error for error in request.errors if error), 0)

    def pause(self, requests: Sequence[Request]) -> None:
        """Give the devices time; all of *requests* that are pending are waited for."""
        pending = [_ours(request) for request in requests]
        due_ns = min((r.due_ns for r in pending if r.in_flight), default=0)
        self._waiter.pause(due_ns, core_to_spare=self._has_core_to_spare())

    # Submission

    def _start(self, request: IaaRequest, operation: Operation) -> int:
        if request.lost:
            raise QueueFullError(
                f"request: {request.capacity} pages, a device that did not answer may "
                "still write into its buffers, and no others are free"
            )
        count = len(request.pages)
        request.operation = operation
        request.errors = [EINPROGRESS] * count
        request.statuses = [Status.NONE] * count
        request.paths = [Path.NONE] * count
        request.queues = [None] * count
        if operation == Operation.COMPRESS:
            request.lengths = [0] * count
        request.todo = list(range(count - 1, -1, -1))
        request.retries = 0
        request.submitted_ns = self._clock.now_ns()
        request.due_ns = 0
        self._portal.clear(request.first, count)
        self._submit(request)
        return EINPROGRESS if request.in_flight or request.todo else 0

    def _submit(self, request: IaaRequest) -> None:
        """Put what is to do into queues, in turn; what they do not take stays."""
        # Here and not at the start alone: a device may die while a request waits.
        if self._machine.generation() != self._generation:
            self._rebalance()
        table = self._tables[request.operation]
        if not table:
            self._do_in_software(request, "no_device")
            return
        share = -(-len(request.todo) // len(table))
        turn = self._turn[request.operation]
        used = 0
        for used in range(1, len(table) + 1):
            queue = table[(turn + used - 1) % len(table)]
            self._submit_to(queue, request, share)
            if not request.todo:
                break
        # The next request begins where this one ended: wq_table_next_wq.
        self._turn[request.operation] = (turn + used) % len(table)
        if request.todo:
            self._count_retry(request)

    def _submit_to(self, queue: SubmitQueue, request: IaaRequest, share: int) -> None:
        count = queue.try_reserve(min(share, len(request.todo)))
        if not count:
            return
        pages = [request.todo.pop() for _ in range(count)]
        self._prepare(queue, request, pages)
        queue.publish(count)
        request.in_flight += count
        request.retries = 0
        stats = queue.stats
        stats.max_occupancy = queue.occupancy.highest
        if request.operation == Operation.COMPRESS:
            stats.comp_calls += count
            self.stats.total_comp_calls += count
        else:
            stats.decomp_calls += count
            self.stats.total_decomp_calls += count
        request.due_ns = max(
            request.due_ns,
            self._clock.now_ns()
            + self._times.expected_ns(request.operation, queue.occupancy.seen),
        )

    def _prepare(
        self, queue: SubmitQueue, request: IaaRequest, pages: list[int]
    ) -> None:
        """Fill a slot for each page; this runs once a page, so it looks up little."""
        lane, pasid = queue.lane, self._pasid
        record_address = self._portal.record_address
        buffer_address = request.buffers.address_of
        compress = request.operation == Operation.COMPRESS
        for ahead, page in enumerate(pages):
            slot = lane.slots, lane.slot(ahead)
            completion = record_address(request.first + page)
            buffer = buffer_address(page)
            if compress:
                prep_compress(slot, pasid, completion, request.pages[page], buffer)
            else:
                source = buffer, request.lengths[page]
                prep_decompress(slot, pasid, completion, source, request.pages[page])
            request.queues[page] = queue

    def _count_retry(self, request: IaaRequest) -> None:
        """No queue had a place: bounded, as IAA_ALLOC_DESC_COMP_TIMEOUT has it."""
        request.retries += 1
        if request.operation == Operation.COMPRESS:
            if request.retries > self._settings.comp_alloc_retries:
                for page in request.todo:
                    self._fail(request, page, -errno.ENODEV, "queue_full")
                request.todo.clear()
        elif request.retries > self._settings.decomp_alloc_retries:
            self._do_in_software(request, "queue_full")

    # Completion

    def _harvest(
        self, request: IaaRequest, pages: Sequence[int], statuses: bytes
    ) -> None:
        """Take the answers of *pages*, all of which have one."""
        first = request.first
        records = self._portal.records[first : first + len(statuses)]
        sizes = records["output_size"].tolist()
        compress = request.operation == Operation.COMPRESS
        back: Counter[SubmitQueue] = Counter()
        for page in pages:
            queue = request.queues[page]
            if queue is None:
                continue
            request.queues[page] = None
            back[queue] += 1
            request.statuses[page] = statuses[page]
            request.paths[page] = Path.DEVICE
            if statuses[page] != Status.SUCCESS:
                self._harvest_error(request, page, int(records["error_code"][page]))
            elif compress:
                request.lengths[page] = sizes[page]
                request.errors[page] = 0
                self._count_bytes(queue, sizes[page], 0)
            elif sizes[page] == PAGE_SIZE:
                request.errors[page] = 0
                self._count_bytes(queue, 0, request.lengths[page])
            else:
                self._fall_back(request, page, "decompressed_size")
        self._give_back(request, back)
        last = records[pages[-1]]
        self._times.learn(
            request.operation, int(last["completed_ns"]) - int(last["taken_ns"])
        )

    def _harvest_part(self, request: IaaRequest, statuses: bytes) -> None:
        """Take what is answered; look whether the rest will ever be."""
        answered = [
            page
            for page, status in enumerate(statuses)
            if status and request.queues[page] is not None
        ]
        if answered:
            self._harvest(request, answered, statuses)
        if request.in_flight and self._clock.now_ns() > request.due_ns:
            self._give_up_dead(request)
        if request.in_flight and (
            self._clock.now_ns() - request.submitted_ns > self._timeout_ns
        ):
            self._give_up_late(request)

    def _harvest_error(self, request: IaaRequest, page: int, error_code: int) -> None:
        status = request.statuses[page]
        error = errno_of(status, error_code)
        if request.operation == Operation.DECOMPRESS:
            self._count_error(error)
            self._fall_back(request, page, f"status_{status:#04x}")
        elif error == -errno.E2BIG:
            self._fail(request, page, error, "comp_buf_overflow")
        else:
            self._fail(request, page, error, f"status_{status:#04x}")

    def _fall_back(self, request: IaaRequest, page: int, reason: str) -> None:
        """Do a page in software; it counts as that, never as the device's success."""
        self.stats.count_reason(reason)
        if request.operation == Operation.COMPRESS:
            self.stats.total_sw_comp_calls += 1
            self._software.compress(request, page)
        else:
            self.stats.total_sw_decomp_calls += 1
            self._software.decompress(request, page)

    def _do_in_software(self, request: IaaRequest, reason: str) -> None:
        """Do all that is in no queue."""
        while request.todo:
            self._fall_back(request, request.todo.pop(), reason)

    def _fail(self, request: IaaRequest, page: int, error: int, reason: str) -> None:
        request.errors[page] = error
        self.stats.count_reason(reason)
        self._count_error(error)

    # Silence

    def _give_up_dead(self, request: IaaRequest) -> None:
        """Do in software what went to a device that is gone; it answers no more."""
        devices = {queue.device for queue in request.queues if queue is not None}
        dead = {device for device in devices if not self._machine.is_usable(device)}
        for page, queue in enumerate(request.queues):
            if queue is not None and queue.device in dead:
                request.queues[page] = None
                request.in_flight -= 1
                self._fall_back(request, page, "device_died")

    def _give_up_late(self, request: IaaRequest) -> None:
        """
        End what was not answered within the limit with -ETIMEDOUT.

        The device may still answer, and write.  So the records and buffers of the
        request are never used again, and its places in the queues stay taken.
        """
        for page, queue in enumerate(request.queues):
            if queue is not None:
                request.queues[page] = None
                self._fail(request, page, -errno.ETIMEDOUT, "completion_timeout")
        request.in_flight = 0
        # What is still to do has its own time, and no device knows its buffers yet.
        request.submitted_ns = self._clock.now_ns()
        try:
            request.first = self._portal.allocate(request.capacity)
        except QueueFullError:
            request.lost = True
            return
        old = request.buffers
        request.buffers = self._portal.buffers(request.first, request.capacity)
        request.buffers.array[:] = old.array
        # Pages that are still to do will be answered here.
        self._portal.clear(request.first, request.capacity)

    # Books

    def _give_back(self, request: IaaRequest, back: Counter[SubmitQueue]) -> None:
        for queue, count in back.items():
            queue.occupancy.give_back(count)
            request.in_flight -= count

    def _count_bytes(self, queue: SubmitQueue, comp: int, decomp: int) -> None:
        queue.stats.comp_bytes += comp
        queue.stats.decomp_bytes += decomp
        self.stats.total_comp_bytes_out += comp
        self.stats.total_decomp_bytes_in += decomp

    def _count_error(self, error: int) -> None:
        if error == -errno.E2BIG:
            self.stats.total_completion_comp_buf_overflow_errors += 1
        elif error == -errno.ETIMEDOUT:
            self.stats.total_completion_timeout_errors += 1
        elif error == -errno.EINVAL:
            self.stats.total_completion_einval_errors += 1

    def _rebalance(self) -> None:
        """Choose the queues anew from the devices that are usable now."""
        self._generation = self._machine.generation()
        tables = self._machine.tables()
        by_id = {(q.device, q.wq): q for q in self.queues}
        self._tables = {
            Operation.COMPRESS: [by_id[wq] for wq in tables.comp],
            Operation.DECOMPRESS: [by_id[wq] for wq in tables.decomp],
        }

    def _has_core_to_spare(self) -> bool:
        # Only queues in use: what a dead device had stays outstanding for ever.
        busy = {
            queue.device
            for table in self._tables.values()
            for queue in table
            if queue.occupancy.outstanding
        }
        return len(busy) + self._machine.submitters() <= self._machine.cores


def _ours(request: Request) -> IaaRequest:
    if not isinstance(request, IaaRequest):
        raise TypeError(f"request: {type(request).__name__}, must be of this driver")
    return request
