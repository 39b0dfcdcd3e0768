"""
How to wait for a completion: the one place that decides between spinning and sleep.

    now                                   due
     |---- sleep once, up to here ---------|-- overdue: sleep, longer each time --->

Where a core is to spare, spinning is the fastest; but the scheduler may have put us on
the device's core all the same, so each turn lets others run: beside other work loads
took a third of the time then.  Where there are fewer cores than processes, a poller
that spins takes its core from the device it waits for, even for the last stretch: so
sleep once for about as long as the work should take, and look again.

Of a crowd each has a core for a part of the time, and the devices are among them: so
sleeps are that much longer, or all cores are taken up by looking.  72 workers of 8
devices on two cores, who slept a millisecond at most, did so for 180 us of each page.
"""

from mpzswap.clock.work import Clock

# Overdue: the estimate was wrong, or the device is not running.  First and longest
# sleep, where each process has a core; between them, as long again as it is late.
OVERDUE_SLEEP_NS = 20_000
MAX_SLEEP_NS = 1_000_000
# ... or so much of the work: estimates are no better where processes share cores.
OVERDUE_PART = 8
# Spinning with a core to spare ends here: whatever is late now is late for long.
MAX_OVERDUE_SPIN_NS = 1_000_000
# So many times as long may sleeps be: 50 ms, short beside the usual limit of answers.
MAX_CROWD = 50.0


class Waiter:
    """
    Spends the time between two polls.

    Args:
        clock: whose time it is.
        longest_ns: of a crowd's sleeps, so that a limit is seen to pass soon after.
        pasid: whose records are waited for.
    """

    def __init__(self, clock: Clock, longest_ns: int, pasid: int = 0) -> None:
        self._pasid = pasid
        self._clock = clock
        self._longest_ns = longest_ns

    def pause(self, due_ns: int, work_ns: int, crowd: float) -> None:
        """
        Let time pass.

        Args:
            due_ns: when an answer is expected.
            work_ns: how long the work for it takes; the longer, the longer may one be
                late without harm.
            crowd: processes that want a core, for each core that there is.
        """
        left_ns = due_ns - self._clock.now_ns()
        if crowd <= 1 and left_ns > -MAX_OVERDUE_SPIN_NS:
            self._clock.relax(self._pasid)
            return
        if left_ns > 0:
            self._clock.sleep_ns(left_ns)
            return
        times = max(1.0, min(crowd, MAX_CROWD))
        least_ns = max(OVERDUE_SLEEP_NS, work_ns // OVERDUE_PART) * times
        most_ns = max(MAX_SLEEP_NS, min(MAX_SLEEP_NS * times, self._longest_ns))
        self._clock.sleep_ns(int(min(most_ns, max(least_ns, -left_ns))))
