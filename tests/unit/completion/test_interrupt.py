"""An interrupt wakes whoever sleeps on it."""

import os
import threading
import time
from collections.abc import Iterator

import pytest

from mpzswap.clock.work import WorkClock
from mpzswap.completion.interrupt import Interrupt

CLOCK = WorkClock()
LONG_NS = 60_000_000_000
LIMIT_S = 30.0


@pytest.fixture
def interrupt() -> Iterator[Interrupt]:
    """Give one."""
    made = Interrupt.create(3)
    yield made
    made.close()


def test_wait_ends_at_the_limit(interrupt: Interrupt) -> None:
    """Nobody raised it, and nothing is read."""
    interrupt.wait(CLOCK, 2_000_000)

    with pytest.raises(BlockingIOError):
        os.eventfd_read(interrupt.eventfd)


def test_interrupt_that_was_raised_before_is_not_missed(interrupt: Interrupt) -> None:
    """However often: one wait takes them all, the next sleeps."""
    for _ in range(3):
        os.eventfd_write(interrupt.eventfd, 1)
    interrupt.wait(CLOCK, LONG_NS)
    with pytest.raises(BlockingIOError):
        os.eventfd_read(interrupt.eventfd)


def test_sleeper_is_woken(interrupt: Interrupt) -> None:
    """From another thread, or process."""
    woken = threading.Event()

    def sleep() -> None:
        interrupt.wait(CLOCK, LONG_NS)
        woken.set()

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    os.eventfd_write(interrupt.eventfd, 1)

    assert woken.wait(LIMIT_S)
    sleeper.join(LIMIT_S)


def test_second_waiter_looks_again_soon(interrupt: Interrupt) -> None:
    """What is raised for it the first may take: it does not stand in line."""
    first = threading.Thread(target=interrupt.wait, args=(CLOCK, LONG_NS))
    first.start()
    until = time.monotonic() + LIMIT_S
    while not interrupt._lock.locked() and time.monotonic() < until:
        pass
    interrupt.wait(CLOCK, LONG_NS)

    # The first still waits: that the second came back is not its doing.
    assert interrupt._lock.locked()
    os.eventfd_write(interrupt.eventfd, 1)
    first.join(LIMIT_S)
    assert not first.is_alive()


def test_closed_interrupt_is_not_waited_for(interrupt: Interrupt) -> None:
    """Its descriptor may be another's by now: what is raised there is not taken."""
    interrupt.close()
    interrupt.close()
    made = os.eventfd(1, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    others = {made, os.dup2(made, interrupt.eventfd)}
    try:
        interrupt.wait(CLOCK, LONG_NS)

        assert os.eventfd_read(made) == 1
    finally:
        for other in others:
            os.close(other)
