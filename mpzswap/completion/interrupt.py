"""
An interrupt: what a device signals with a completion, so that nobody has to poll.

    device                          submitter
    ------                          ---------
    write the record, status last   wait: block on the eventfd, read it
    write the eventfd               look at the records

The device writes the eventfd after the status, and the kernel orders the two, so
whoever was woken sees the status.  An interrupt that comes between the read and the
look only makes the next wait return at once.
"""

import os
import threading

from mpzswap.clock.work import Clock
from mpzswap.ring.doorbell import new_eventfd

# Of two threads that share a submitter, the one that does not wait looks this often.
SHARED_SLEEP_NS = 100_000


class Interrupt:
    """
    The eventfd of one submitter; of its threads one waits, the others look often.

    Args:
        handle: what descriptors call it, 1 to 65535.
        eventfd: closed by ``close``.
    """

    def __init__(self, handle: int, eventfd: int) -> None:
        self.handle = handle
        self.eventfd = eventfd
        self._lock = threading.Lock()
        self._closed = False

    @classmethod
    def create(cls, handle: int) -> "Interrupt":
        """Make one; MpzswapError if the system does not give it."""
        return cls(handle, new_eventfd(f"interrupt {handle}"))

    def wait(self, clock: Clock, limit_ns: int) -> bool:
        """Sleep until it is raised, at most *limit_ns*; tell whether it was."""
        if self._lock.locked():
            # Another thread waits, and may take what is raised for us: look again.
            clock.sleep_ns(SHARED_SLEEP_NS)
            return False
        with self._lock:
            if self._closed or not clock.wait_readable([self.eventfd], limit_ns):
                return False
            os.eventfd_read(self.eventfd)
            return True

    def close(self) -> None:
        """Give the eventfd back, once nobody waits on it."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self.eventfd)
