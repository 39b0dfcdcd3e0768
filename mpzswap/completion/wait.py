"""
How to wait for a completion: the one place that decides between spinning and sleep.

    now                                   due
     |---- sleep once, up to here ---------|-- overdue: sleep, longer each time --->

Where a core is to spare, spinning is the fastest.  Where there are fewer cores than
processes, a poller that spins takes its core from the device it waits for, even for
the last stretch: so sleep once for about as long as the work should take, and look
again.
"""

from mpzswap.clock.work import Clock

# Overdue: the estimate was wrong, or the device is not running.  First and longest
# sleep; a core that spins for a process that waits for this core gains nothing.
OVERDUE_SLEEP_NS = 20_000
MAX_SLEEP_NS = 1_000_000
# ... or so much of the work: estimates are no better where processes share cores.
OVERDUE_PART = 8
# Spinning with a core to spare ends here: whatever is late now is late for long.
MAX_OVERDUE_SPIN_NS = 1_000_000


class Waiter:
    """Spends the time between two polls."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def pause(self, due_ns: int, work_ns: int, *, core_to_spare: bool) -> None:
        """
        Let time pass.

        Args:
            due_ns: when an answer is expected.
            work_ns: how long the work for it takes; the longer, the longer may one be
                late without harm.
            core_to_spare: whether to spin.
        """
        left_ns = due_ns - self._clock.now_ns()
        if core_to_spare and left_ns > -MAX_OVERDUE_SPIN_NS:
            return
        least_ns = max(OVERDUE_SLEEP_NS, work_ns // OVERDUE_PART)
        overdue_ns = min(MAX_SLEEP_NS, max(least_ns, -left_ns // 2))
        self._clock.sleep_ns(left_ns if left_ns > 0 else overdue_ns)
