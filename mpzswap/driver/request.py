"""
A request of this driver, and how far its pages are.

    order   | done | in flight: run, run, ... | next: not in a queue yet |

Pages go into queues in an order of the driver's own; a place in that order is a
*position*, and the page there has the completion record of that number.  Positions
that went into one queue together are a run.  A run is over when each of them has an
answer; with verify_compress what a run compressed then goes into the queue once more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mpzswap.acomp.request import EINPROGRESS, Operation, Path, Request
from mpzswap.completion.status import Status
from mpzswap.driver.queue import SubmitQueue
from mpzswap.driver.stages import RunTimes


@dataclass(eq=False, slots=True)
class Unverified:
    """Positions *start* to *stop*, compressed in *queue*, that are to be verified."""

    queue: SubmitQueue
    start: int
    stop: int

    @property
    def left(self) -> int:
        """How many are in no queue yet."""
        return self.stop - self.start


@dataclass(eq=False, slots=True)
class Run:
    """Positions *start* to *stop* of a request, in flight in one queue."""

    queue: SubmitQueue
    start: int
    stop: int
    submitted_ns: int
    # What it verifies; None: it does the request's operation.
    part: Unverified | None = None
    # When it was first seen to be overdue; 0: it was not.
    overdue_ns: int = 0
    # Not answered within the limit; its device is being ended.
    late: bool = False
    # When the attempt began in which it got its places.
    attempted_ns: int = 0


@dataclass(eq=False)
class IaaRequest(Request):
    """A request, and where its pages are."""

    # Its first completion record and buffer; the others follow.
    first: int = 0
    operation: Operation = Operation.COMPRESS
    # The page at each position.
    order: Sequence[int] = ()
    # Where the compressed bytes of each page are.
    inputs: Sequence[int] = ()
    # The first position that is in no queue yet.
    next: int = 0
    runs: list[Run] = field(default_factory=list)
    unverified: list[Unverified] = field(default_factory=list)
    # The CRC that verification must give, by position.
    crcs: dict[int, int] = field(default_factory=dict)
    # Attempts to get a place since the last one that got any, and the last of them.
    retries: int = 0
    tried_ns: int = 0
    # When the answers should be there.
    due_ns: int = 0
    # When it was handed to us, when it was prepared, and when it was last submitted;
    # the times of runs that are over.  Where stages are counted.
    begun_ns: int = 0
    prepared_ns: int = 0
    attempted_ns: int = 0
    run_times: list[RunTimes] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        """Pages that are in no queue yet."""
        return len(self.pages) - self.next

    @property
    def pending(self) -> bool:
        """Whether anything is still to be done, or to be answered."""
        return bool(self.waiting or self.runs or self.unverified)

    @property
    def in_flight(self) -> int:
        """Pages that are in a queue."""
        return sum(run.stop - run.start for run in self.runs)

    def check_idle(self) -> None:
        """
        Refuse to begin anew.

        Raises:
            ValueError: it is in flight, or has more pages than it holds.
        """
        count = len(self.pages)
        if self.runs or self.unverified or count > self.capacity:
            raise ValueError(
                f"request: {count} pages, {self.in_flight} in flight; "
                f"must be up to {self.capacity}, and none in flight"
            )

    def start(self, operation: Operation) -> None:
        """Begin anew with the pages that it has."""
        count = len(self.pages)
        self.operation = operation
        self.statuses = [int(Status.NONE)] * count
        self.paths = [int(Path.NONE)] * count
        if operation == Operation.COMPRESS:
            self.lengths = [0] * count
            # What an earlier decompression named is not where this one writes.
            self.sources = []
        self.order = range(count)
        self.inputs = self.sources or self.buffers.addresses(0, count)
        self.next = 0
        self.retries = 0
        self.due_ns = 0
        # Last: a request without errors was never started (Ctrl-C may come anywhere).
        self.errors = [EINPROGRESS] * count

    def put_largest_first(self, second: int) -> None:
        """
        Let the two longest inputs come first: at position 0, and at *second*.

        Which is the first of the second queue, if there is one: what takes longest
        is begun first.  Source: version 14 of the series, which submits the two
        largest sources of a batch of decompressions first.
        """
        # Hot: once a batch.  0.8 us for eight pages; heapq.nlargest alone takes 1.4.
        lengths = self.lengths
        order = list(range(len(self.pages)))
        largest = order.pop(lengths.index(max(lengths)))
        next_largest = max(order, key=lengths.__getitem__)
        order.remove(next_largest)
        order.insert(0, largest)
        order.insert(second, next_largest)
        self.order = order

    def note(self, run: Run) -> None:
        """Note that a run is about to be handed over."""
        self.runs.append(run)
        if run.part is None:
            self.next = run.stop
        else:
            run.part.start = run.stop

    def withdraw(self, run: Run) -> None:
        """Let the pages of a run that was not published wait again."""
        if run in self.runs:
            self.runs.remove(run)
        if run.part is None:
            self.next = run.start
        else:
            run.part.start = run.start


def picked(values: Sequence[int], order: Sequence[int]) -> Sequence[int]:
    """Give those of *values* that *order* names; a range of a range stays one."""
    if isinstance(order, range):
        return values[order.start : order.stop]
    return [values[page] for page in order]


def put(values: list[int], order: Sequence[int], news: Sequence[int]) -> None:
    """Put *news* where *order* says; into a range at once."""
    if isinstance(order, range):
        values[order.start : order.stop] = news
        return
    for page, new in zip(order, news, strict=True):
        values[page] = new


def ours(request: Request) -> IaaRequest:
    """Give *request* as one of this driver; TypeError if it is another's."""
    if not isinstance(request, IaaRequest):
        raise TypeError(f"request: {type(request).__name__}, must be of this driver")
    return request
