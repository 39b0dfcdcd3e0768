"""
End processes that were asked to leave: wait, then SIGTERM, then SIGKILL.

    asked --DRAIN--> SIGTERM --TERM--> SIGKILL --KILL--> given up

Each limit is for all of them together, so that twenty frozen children take no
longer than one.  Processes are known by pidfd: a signal cannot hit a stranger that
got the same pid.  Both the parent and the starter end their children with this.
"""

import contextlib
import math
import select
import signal
import time
from collections.abc import Callable, Collection, Mapping

# A drain finishes the batch in hand, some milliseconds; the rest is for a machine
# with more processes than cores.  With the next limit it stays under the 2 s after
# which nothing of ours may be left.
DRAIN_TIMEOUT_S = 1.0
# SIGTERM ends a Python process at once unless something swallows it.
TERM_TIMEOUT_S = 0.5
# SIGKILL fails only in the kernel: freeing much memory, or a hanging disk.
KILL_TIMEOUT_S = 2.0

# Called when a descriptor has input; False when no more will come.
Server = Callable[[], bool]


def is_gone(pidfd: int) -> bool:
    """Tell whether the process has ended; never blocks."""
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    return bool(poller.poll(0))


def send_signal(pidfd: int, number: signal.Signals) -> None:
    """Send a signal, unless the process has ended meanwhile."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, number)


def wait_gone(
    pidfds: Collection[int], limit_s: float, servers: Mapping[int, Server]
) -> set[int]:
    """
    Wait until all have ended; give those that have not within *limit_s*.

    Meanwhile *servers* are called when their descriptors have input, so that nobody
    stays only because we did not listen.
    """
    until = time.monotonic() + limit_s
    left = set(pidfds)
    poller = select.poll()
    for fd in (*left, *servers):
        poller.register(fd, select.POLLIN)
    while left:
        left_s = max(0.0, until - time.monotonic())
        for fd, _ in poller.poll(math.ceil(1000 * left_s)):
            if fd in left or not servers[fd]():
                poller.unregister(fd)
                left.discard(fd)
        if left_s == 0.0:
            break
    return left


def end(
    pidfds: Collection[int],
    servers: Mapping[int, Server],
    drain_s: float = DRAIN_TIMEOUT_S,
) -> set[int]:
    """Wait for processes that were asked, then use force; give those that stay."""
    left = wait_gone(pidfds, drain_s, servers)
    for number, limit_s in (
        (signal.SIGTERM, TERM_TIMEOUT_S),
        (signal.SIGKILL, KILL_TIMEOUT_S),
    ):
        for pidfd in left:
            send_signal(pidfd, number)
        left = wait_gone(left, limit_s, servers)
    return left
