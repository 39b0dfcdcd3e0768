"""
A request of this driver, and how far its pages are.

    pages   | done | in flight: run, run, ... | next: not in a queue yet |

Pages go into queues in their order; those that went into one queue together are a
run.  A run is over when each of its pages has an answer.
"""

from dataclasses import dataclass, field

from mpzswap.acomp.request import EINPROGRESS, Operation, Path, Request
from mpzswap.completion.status import Status
from mpzswap.driver.queue import SubmitQueue


@dataclass(eq=False, slots=True)
class Run:
    """Pages *start* to *stop* of a request, in flight in one queue."""

    queue: SubmitQueue
    start: int
    stop: int
    submitted_ns: int
    # Not answered within the limit; its device is being ended.
    late: bool = False


@dataclass(eq=False)
class IaaRequest(Request):
    """A request, and where its pages are."""

    # Its first completion record and buffer; the others follow.
    first: int = 0
    operation: Operation = Operation.COMPRESS
    # The first page that is in no queue yet.
    next: int = 0
    runs: list[Run] = field(default_factory=list)
    # Attempts to get a place since the last one that got any, and the last of them.
    retries: int = 0
    tried_ns: int = 0
    # When the answers should be there.
    due_ns: int = 0

    @property
    def waiting(self) -> int:
        """Pages that are in no queue yet."""
        return len(self.pages) - self.next

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
        if self.runs or count > self.capacity:
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
        self.next = 0
        self.retries = 0
        self.due_ns = 0
        # Last: a request without errors was never started (Ctrl-C may come anywhere).
        self.errors = [EINPROGRESS] * count

    def withdraw(self, run: Run) -> None:
        """Let the pages of a run that was not published wait again."""
        if run in self.runs:
            self.runs.remove(run)
        self.next = run.start


def ours(request: Request) -> IaaRequest:
    """Give *request* as one of this driver; TypeError if it is another's."""
    if not isinstance(request, IaaRequest):
        raise TypeError(f"request: {type(request).__name__}, must be of this driver")
    return request
