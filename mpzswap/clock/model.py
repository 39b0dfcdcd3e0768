"""
The clock that keeps the emulated machine's time, on the cores that there are.

    wall time    |=========|=========|=========|      time_scale of it are one ns
    model time   0         1         2         3

All stamps and limits are in model time.  What a CPU spends, it spends by waiting for
the end of it: real work that takes less than its share is not seen, and what takes
more is late.
"""

import select
import time
from collections.abc import Sequence

from mpzswap.clock.steps import Books, Costs, Step

# Between two looks of a poller; a sleep ends some us late anyway.
RELAX_NS, LEAST_RELAX_S = 50, 20e-6
NS_PER_S = 1e9


class ModelClock:
    """
    Model time of one process.

    Args:
        costs: what each step takes, model ns.
        time_scale: wall ns for each model ns.
        epoch_ns: CLOCK_MONOTONIC where model time begins, for all processes.
    """

    def __init__(self, costs: Costs, time_scale: float, epoch_ns: int) -> None:
        self._books = Books.of_all_steps()
        self._costs = costs
        self._scale = time_scale
        self._epoch_ns = epoch_ns
        # Until when the time has been accounted for.
        self._mark_ns = self.now_ns()
        self._relax_s = max(LEAST_RELAX_S, RELAX_NS * time_scale / NS_PER_S)

    def now_ns(self) -> int:
        """Give the model time."""
        return int((time.monotonic_ns() - self._epoch_ns) / self._scale)

    def relax(self, pasid: int = 0) -> None:  # noqa: ARG002 - for other clocks
        """Sleep for less than anything takes: cores are scarce here, not there."""
        time.sleep(self._relax_s)
        self._mark_ns = self.now_ns()

    def sleep_ns(self, duration_ns: int) -> None:
        """Sleep for that much model time."""
        time.sleep(duration_ns * self._scale / NS_PER_S)
        self._mark_ns = self.now_ns()

    def wait_readable(self, fds: Sequence[int], limit_ns: int) -> bool:
        """Wait; poll(2) counts in ms, which may be more than all there is to wait."""
        limit_s = max(0, limit_ns) * self._scale / NS_PER_S
        found = select.select(fds, (), (), limit_s)[0]
        self._mark_ns = self.now_ns()
        return bool(found)

    def spend(self, step: Step, times: int = 1) -> None:
        """Wait until the steps would be over; note if that was before now."""
        cost_ns = round(self._costs[step] * times)
        if not cost_ns:
            return
        end_ns = self._mark_ns + cost_ns
        left_ns = end_ns - self.now_ns()
        books = self._books
        books.spent_ns[step] += cost_ns
        books.steps += 1
        if left_ns >= 0:
            time.sleep(left_ns * self._scale / NS_PER_S)
            self._mark_ns = end_ns
            return
        self._mark_ns = end_ns - left_ns
        books.late += 1
        books.late_ns -= left_ns

    def notify(self, pasid: int) -> None:
        """Whoever waits looks by itself."""

    def books(self) -> Books:
        """Give what was spent, and how late."""
        return self._books

    @staticmethod
    def cpu_ns() -> int:
        """Give the processor time of the host: there is no other."""
        return time.process_time_ns()
