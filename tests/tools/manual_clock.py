"""A clock that stands still until the test moves it."""

import select
from collections.abc import Sequence
from dataclasses import dataclass, field

from mpzswap.clock.steps import Books, Step


@dataclass
class ManualClock:
    """
    Time as the test has it.

    Attributes:
        ns: what time it is; sleeping moves it, nothing else does.
        sleeps: how long each sleep was, in order.
        relaxed: how often others were let run.
        spent: which steps, and how many times, in order.
        notified: which submitters were told of a record, in order.
    """

    ns: int = 1_000_000_000
    sleeps: list[int] = field(default_factory=list)
    relaxed: int = 0
    spent: list[tuple[Step, int]] = field(default_factory=list)
    notified: list[int] = field(default_factory=list)

    def now_ns(self) -> int:
        """Give the time."""
        return self.ns

    def relax(self, pasid: int = 0) -> None:  # noqa: ARG002 - nobody is woken here
        """Count it."""
        self.relaxed += 1

    def sleep_ns(self, duration_ns: int) -> None:
        """Let that time pass at once."""
        self.sleeps.append(duration_ns)
        self.ns += duration_ns

    def wait_readable(self, fds: Sequence[int], limit_ns: int) -> bool:
        """Look once; the time passes at once where nothing is there."""
        poller = select.poll()
        for fd in fds:
            poller.register(fd, select.POLLIN)
        if poller.poll(0):
            return True
        self.sleep_ns(limit_ns)
        return False

    def spend(self, step: Step, times: int = 1) -> None:
        """Note it."""
        self.spent.append((step, times))

    def notify(self, pasid: int) -> None:
        """Note it."""
        self.notified.append(pasid)

    def books(self) -> Books:
        """Give empty ones."""
        return Books()

    @staticmethod
    def cpu_ns() -> int:
        """Give what no test looks at."""
        return 0
