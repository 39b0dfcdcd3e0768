"""A doorbell wakes whoever sleeps, and bothers nobody else."""

import os
import select
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from mpzswap.ring.doorbell import Doorbell


@dataclass
class Door:
    """Both sides of one doorbell."""

    submitter: Doorbell
    device: Doorbell
    word: memoryview

    def has_rung(self) -> bool:
        """Tell whether a device that blocks would wake."""
        return bool(select.select([self.device.eventfd], [], [], 0)[0])


@pytest.fixture
def door() -> Iterator[Door]:
    """Give a doorbell whose device is awake."""
    word = memoryview(bytearray(8)).cast("Q")
    eventfd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    yield Door(Doorbell(word, eventfd), Doorbell(word, eventfd), word)
    os.close(eventfd)


def test_device_that_is_awake_is_not_rung(door: Door) -> None:
    """No system call for a device that looks by itself."""
    door.submitter.ring()

    assert not door.has_rung()


def test_device_that_sleeps_is_rung(door: Door) -> None:
    """It asked for it."""
    door.device.arm()
    door.submitter.ring()

    assert door.has_rung()


def test_arming_alone_rings_nothing(door: Door) -> None:
    """Only a publication does."""
    door.device.arm()

    assert not door.has_rung()


def test_disarming_forgets_what_was_rung(door: Door) -> None:
    """The next sleep is not ended by the last ring."""
    door.device.arm()
    door.submitter.ring()
    door.submitter.ring()
    door.device.disarm()

    assert not door.has_rung()
    assert door.word[0] == 0


def test_disarming_without_a_ring_goes_on(door: Door) -> None:
    """A device that found work before it slept was not rung."""
    door.device.arm()
    door.device.disarm()
    door.submitter.ring()

    assert not door.has_rung()


def test_doorbell_can_be_armed_again(door: Door) -> None:
    """Each sleep has its ring."""
    for _ in range(3):
        door.device.arm()
        door.submitter.ring()
        assert door.has_rung()
        door.device.disarm()
