"""
The doorbell: how a device that sleeps is woken.

    device                              submitter
    ------                              ---------
    need_wakeup = 1                     publish
    full barrier                        full barrier
    look at the lanes once more         look at need_wakeup
    block on the eventfd                if set: write the eventfd

Whichever barrier comes second, its side sees the other's store: either the device
finds the descriptor, or the submitter finds the flag.  io_uring's NEED_WAKEUP is
the same idea.  The device alone writes the word.

Every interleaving of both sides: ``tests/property/test_interleavings_doorbell.py``.
"""

import os

from mpzswap.errors import MpzswapError
from mpzswap.ring.ordering import make_full_barrier


def new_eventfd(name: str) -> int:
    """
    Make an eventfd that does not block, for *name*.

    Raises:
        MpzswapError: the system does not give it.
    """
    try:
        return os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    except OSError as error:
        raise MpzswapError(f"{name}: no eventfd: {error.strerror}") from error


class Doorbell:
    """One device's doorbell: a shared word and an eventfd."""

    def __init__(self, word: memoryview, eventfd: int) -> None:
        self.eventfd = eventfd
        self._word = word
        self._full_barrier = make_full_barrier()

    # Submitter

    def ring(self) -> None:
        """Wake the device if it sleeps; call it after each publication."""
        self._full_barrier()
        if self._word[0]:
            os.eventfd_write(self.eventfd, 1)

    # Device

    def arm(self) -> None:
        """Ask to be woken; look at the lanes once more before you block."""
        self._word[0] = 1
        self._full_barrier()

    def disarm(self) -> None:
        """Say that we are awake, and forget what was rung meanwhile."""
        self._word[0] = 0
        try:
            os.eventfd_read(self.eventfd)
        except BlockingIOError:
            return  # Nobody rang: we woke by ourselves.
