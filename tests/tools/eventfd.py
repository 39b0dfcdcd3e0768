"""An eventfd as a submitter has it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

NONBLOCK = os.EFD_CLOEXEC | os.EFD_NONBLOCK


@contextmanager
def new_eventfd(flags: int = NONBLOCK) -> Iterator[int]:
    """Give an eventfd that nobody wrote."""
    eventfd = os.eventfd(0, flags)
    yield eventfd
    os.close(eventfd)


def raised(eventfd: int) -> int:
    """Give how many interrupts were raised since the last look; 0: none."""
    try:
        return os.eventfd_read(eventfd)
    except BlockingIOError:
        return 0
