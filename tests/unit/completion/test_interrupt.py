"""An interrupt wakes whoever sleeps on it."""

import os
import threading
import time
from collections.abc import Iterator

import pytest

from mpzswap.completion.interrupt import Interrupt

LONG_MS = 60_000
LIMIT_S = 30.0


@pytest.fixture
def interrupt() -> Iterator[Interrupt]:
    """Give one."""
    made = Interrupt.create(3)
    yield made
    made.close()


def test_wait_ends_at_the_limit(interrupt: Interrupt) -> None:
    """Nobody raised it."""
    started = time.monotonic_ns()
    interrupt.wait(2)

    assert time.monotonic_ns() - started >= 2_000_000


def test_interrupt_that_was_raised_before_is_not_missed(interrupt: Interrupt) -> None:
    """However often: one wait takes them all, the next sleeps."""
    for _ in range(3):
        os.eventfd_write(interrupt.eventfd, 1)
    interrupt.wait(LONG_MS)
    with pytest.raises(BlockingIOError):
        os.eventfd_read(interrupt.eventfd)


def test_sleeper_is_woken(interrupt: Interrupt) -> None:
    """From another thread, or process."""
    woken = threading.Event()

    def sleep() -> None:
        interrupt.wait(LONG_MS)
        woken.set()

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    os.eventfd_write(interrupt.eventfd, 1)

    assert woken.wait(LIMIT_S)
    sleeper.join(LIMIT_S)


def test_second_waiter_looks_again_soon(interrupt: Interrupt) -> None:
    """What is raised for it the first may take: it does not stand in line."""
    first = threading.Thread(target=interrupt.wait, args=(LONG_MS,))
    first.start()
    until = time.monotonic() + LIMIT_S
    while not interrupt._lock.locked() and time.monotonic() < until:
        pass
    started = time.monotonic()
    interrupt.wait(LONG_MS)

    assert time.monotonic() - started < LIMIT_S
    os.eventfd_write(interrupt.eventfd, 1)
    first.join(LIMIT_S)
    assert not first.is_alive()


def test_closed_interrupt_is_not_waited_for(interrupt: Interrupt) -> None:
    """Its descriptor may be another's by now."""
    interrupt.close()
    interrupt.close()
    started = time.monotonic()
    interrupt.wait(LONG_MS)

    assert time.monotonic() - started < LIMIT_S
