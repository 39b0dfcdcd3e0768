"""Whose time it is: the promise of a clock, and the clock of real work."""

import os
import time
from typing import Protocol


class Clock(Protocol):
    """
    What the code asks wherever it needs the time.

    The places where time passes are the places where a clock is asked; so a clock
    that is handed in can slow time down, or make it up.
    """

    def now_ns(self) -> int:
        """Give the time in ns; never less than before, from no agreed beginning."""

    def relax(self) -> None:
        """Let whoever shares this core run, if anybody wants to."""

    def sleep_ns(self, duration_ns: int) -> None:
        """Let at least *duration_ns* pass, without using a core."""


class WorkClock:
    """
    Wall time: work takes as long as it takes.

    CLOCK_MONOTONIC, which all processes of a Linux system share: a time stamp of
    one process may be taken from that of another.
    """

    # The system's function itself: a method around it would cost as much again.
    now_ns = staticmethod(time.monotonic_ns)
    relax = staticmethod(os.sched_yield)

    def sleep_ns(self, duration_ns: int) -> None:
        """Sleep; the system wakes us some 10 to 60 us late."""
        time.sleep(duration_ns / 1e9)
