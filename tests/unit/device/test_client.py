"""A client has the memory and the interrupts that were attached, and no others."""

import os
from collections.abc import Iterator

import pytest

from mpzswap.device.client import Client
from mpzswap.errors import MpzswapError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.memory import Segment, address
from tests.tools.descriptors import PASID
from tests.tools.eventfd import new_eventfd, raised

SEGMENT = 3
HANDLE = 7
# Linux, fs/eventfd.c, eventfd_write: the count stays under ULLONG_MAX.
COUNT_LIMIT = 2**64 - 2


@pytest.fixture
def client() -> Iterator[Client]:
    """Give a client with a segment and no interrupt."""
    client = Client(PASID)
    client.attach(Segment.create(SEGMENT, PAGE_SIZE))
    yield client
    if client.space.resolve(address(SEGMENT, 0), 1):
        client.detach(SEGMENT)


@pytest.fixture
def eventfd() -> Iterator[int]:
    """Give the submitter's end of an interrupt."""
    with new_eventfd() as eventfd:
        yield eventfd


def test_interrupt_counts_on_its_eventfd(client: Client, eventfd: int) -> None:
    """Each adds one, and what was raised before is not lost."""
    client.add_interrupt(SEGMENT, HANDLE, os.dup(eventfd))

    assert [client.interrupt(HANDLE) for _ in range(3)] == [True] * 3
    assert raised(eventfd) == 3


def test_unknown_interrupt_is_not_raised(client: Client, eventfd: int) -> None:
    """A handle next to one that there is stands for nothing."""
    client.add_interrupt(SEGMENT, HANDLE, os.dup(eventfd))

    assert [client.interrupt(handle) for handle in (0, 6, 8)] == [False] * 3
    assert raised(eventfd) == 0


def test_detach_takes_the_interrupt_along(client: Client, eventfd: int) -> None:
    """Its handle means nothing any more, and the device's copy is closed."""
    theirs = os.dup(eventfd)
    client.add_interrupt(SEGMENT, HANDLE, theirs)
    client.detach(SEGMENT)

    assert not client.interrupt(HANDLE)
    assert client.space.resolve(address(SEGMENT, 0), 1) is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(theirs)


def test_detach_leaves_the_interrupts_of_other_segments(
    client: Client, eventfd: int
) -> None:
    """Two submitters of a process have an interrupt each."""
    client.attach(Segment.create(SEGMENT + 1, PAGE_SIZE))
    client.add_interrupt(SEGMENT + 1, HANDLE, os.dup(eventfd))
    client.detach(SEGMENT)

    assert client.interrupt(HANDLE)
    assert raised(eventfd) == 1
    client.detach(SEGMENT + 1)


def test_handle_can_be_used_again_when_its_segment_is_gone(
    client: Client, eventfd: int
) -> None:
    """Then, and not before: descriptors that ask for it may be on their way."""
    client.attach(Segment.create(SEGMENT + 1, PAGE_SIZE))
    client.add_interrupt(SEGMENT, HANDLE, os.dup(eventfd))
    with pytest.raises(MpzswapError, match="interrupt 7: pasid 5 has it already"):
        client.add_interrupt(SEGMENT + 1, HANDLE, eventfd)
    client.detach(SEGMENT)
    client.add_interrupt(SEGMENT + 1, HANDLE, os.dup(eventfd))

    assert client.interrupt(HANDLE)
    client.detach(SEGMENT + 1)


def test_eventfd_that_blocks_is_refused(client: Client) -> None:
    """Its submitter could stop the device for all by never reading it."""
    with (
        new_eventfd(os.EFD_CLOEXEC) as eventfd,
        pytest.raises(MpzswapError, match="interrupt 7: its eventfd blocks"),
    ):
        client.add_interrupt(SEGMENT, HANDLE, eventfd)
    assert not client.interrupts


def test_interrupt_at_the_limit_of_its_count_is_pending(
    client: Client, eventfd: int
) -> None:
    """Nobody has read it, so nobody who waits misses anything."""
    client.add_interrupt(SEGMENT, HANDLE, os.dup(eventfd))
    os.eventfd_write(eventfd, COUNT_LIMIT)

    assert client.interrupt(HANDLE)
    assert raised(eventfd) == COUNT_LIMIT


def test_interrupt_that_cannot_be_raised_is_gone(client: Client) -> None:
    """Nothing is raised by it again, and detaching still closes the descriptor."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    os.set_blocking(write_end, False)
    client.add_interrupt(SEGMENT, HANDLE, write_end)

    assert not client.interrupt(HANDLE)
    assert HANDLE not in client.interrupts
    client.detach(SEGMENT)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(write_end)
