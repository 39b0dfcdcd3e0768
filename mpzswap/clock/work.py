"""Whose time it is: the promise of a clock, and the clock of real work."""

import math
import os
import select
import time
from collections.abc import Sequence
from typing import Protocol

from mpzswap.clock.steps import Books, Step

NS_PER_MS = 1_000_000


class Clock(Protocol):
    """
    What the code asks wherever it needs the time, or lets time pass.

    The places where time passes are the places where a clock is asked; so a clock
    that is handed in can slow time down, or make it up.  A process has one, and so
    has each process of a machine that is made up.
    """

    def now_ns(self) -> int:
        """Give the time in ns; never less than before, from no agreed beginning."""

    def relax(self, pasid: int = 0) -> None:
        """
        Let whoever shares this core run, if anybody wants to.

        A submitter says its *pasid*: it waits for a completion record.
        """

    def sleep_ns(self, duration_ns: int) -> None:
        """Let at least *duration_ns* pass, without using a core."""

    def wait_readable(self, fds: Sequence[int], limit_ns: int) -> bool:
        """Sleep until one of *fds* can be read, at most *limit_ns*; tell whether."""

    def spend(self, step: Step, times: int = 1) -> None:
        """Take the time of *times* steps, which have just been done."""

    def notify(self, pasid: int) -> None:
        """Tell the submitter *pasid* that a completion record of its was written."""

    def cpu_ns(self) -> int:
        """Give the processor time that this process has used, ns."""

    def books(self) -> Books:
        """Give what was spent."""


class WorkClock:
    """
    Wall time: work takes as long as it takes.

    CLOCK_MONOTONIC, which all processes of a Linux system share: a time stamp of
    one process may be taken from that of another.
    """

    # The system's function itself: a method around it would cost as much again.
    now_ns = staticmethod(time.monotonic_ns)
    cpu_ns = staticmethod(time.process_time_ns)

    def relax(self, pasid: int = 0) -> None:  # noqa: ARG002 - for other clocks
        """Yield the core."""
        os.sched_yield()

    def sleep_ns(self, duration_ns: int) -> None:
        """Sleep; the system wakes us some 10 to 60 us late."""
        time.sleep(duration_ns / 1e9)

    def wait_readable(self, fds: Sequence[int], limit_ns: int) -> bool:
        """Poll, in whole ms."""
        poller = select.poll()
        for fd in fds:
            poller.register(fd, select.POLLIN)
        return bool(poller.poll(math.ceil(limit_ns / NS_PER_MS)))

    def spend(self, step: Step, times: int = 1) -> None:
        """It has taken its time already."""

    def notify(self, pasid: int) -> None:
        """Whoever waits looks by itself."""

    def books(self) -> Books:
        """Give empty ones: nobody looks at each step."""
        return Books()
