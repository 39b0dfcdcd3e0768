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
import select
import threading
import time

from mpzswap.ring.doorbell import new_eventfd

# Of two threads that share a submitter, the one that does not wait looks this often.
SHARED_SLEEP_S = 0.0001


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
        self._poller = select.poll()
        self._poller.register(eventfd, select.POLLIN)
        self._closed = False

    @classmethod
    def create(cls, handle: int) -> "Interrupt":
        """Make one; MpzswapError if the system does not give it."""
        return cls(handle, new_eventfd(f"interrupt {handle}"))

    def wait(self, limit_ms: int) -> None:
        """Sleep until it is raised, at most *limit_ms*."""
        if self._lock.locked():
            # Another thread waits, and may take what is raised for us: look again.
            time.sleep(SHARED_SLEEP_S)
            return
        with self._lock:
            if not self._closed and self._poller.poll(limit_ms):
                os.eventfd_read(self.eventfd)

    def close(self) -> None:
        """Give the eventfd back, once nobody waits on it."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self.eventfd)
