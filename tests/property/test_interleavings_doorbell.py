"""
A device that sleeps is woken, however publication, ring and sleep fall.

The sleep is that of the device's pump: arm, look once more, block, disarm; nothing
but the doorbell ends it here.  Every interleaving is searched; see
``tools/interleavings.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from tests.tools.interleavings import DEPTH, Found, Interleavings
from tests.tools.queue_rig import BlockingClock, QueueRig, SearchedPump, Submitter

# A rig, and half of the states that there were when this was written: a search that
# finds nothing to do proves nothing.
SHAPES = {
    "1 submitter": (QueueRig(1, (3,)), 400),
    "1 submitter, in pairs": (QueueRig(2, (4,), most=2), 200),
    "2 submitters": (QueueRig(1, (2, 1)), 4_100),
    "2 submitters, in pairs": (QueueRig(2, (2, 2), most=2), 1_200),
}
LARGE_SHAPES = {
    "3 submitters": (QueueRig(1, (1, 1, 1)), 30_000),
    "2 submitters, size 2": (QueueRig(2, (3, 2)), 160_000),
}


def no_barrier() -> None:
    """Order nothing."""


def actors_of(
    rig: QueueRig,
    submitter: type[Submitter] = Submitter,
    device: type[SearchedPump] = SearchedPump,
) -> tuple[list[Submitter], SearchedPump]:
    """Give submitters that ring, and a device that sleeps."""
    submitters = [
        replace(rig.submitter(index, submitter), doorbell=rig.doorbell())
        for index in range(len(rig.wanted))
    ]
    clock = BlockingClock(rig.memory)
    return submitters, rig.device(device).with_doorbell(rig.doorbell(), clock)


def search(
    rig: QueueRig, submitters: Sequence[Submitter], device: SearchedPump
) -> Found:
    """Search them; the doorbell writes and reads the rig's eventfd."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mpzswap.ring.doorbell.os", rig.memory)
        return Interleavings(rig.memory, [*submitters, device]).search(rig.too_long)


def assert_woken(rig: QueueRig, floor: int) -> None:
    """Nobody sleeps for ever, and all that was published is taken."""
    found = search(rig, *actors_of(rig))

    assert found.counterexample is None, found.counterexample
    assert len(found.states) > floor
    assert found.deepest < DEPTH
    assert found.ends
    assert all(rig.length(end) == 0 for end in found.ends)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_wake_up_is_lost(shape: str) -> None:
    """A device is never asleep for ever while a descriptor is published."""
    rig, floor = SHAPES[shape]

    assert_woken(replace(rig), floor)


@pytest.mark.slow
@pytest.mark.parametrize("shape", LARGE_SHAPES)
def test_no_wake_up_is_lost_in_a_large_search(shape: str) -> None:
    """The same with more of everything."""
    rig, floor = LARGE_SHAPES[shape]

    assert_woken(replace(rig), floor)


# The search can fail


def asleep(
    rig: QueueRig, submitters: Sequence[Submitter], device: SearchedPump
) -> list[str]:
    """Give the steps to a state where the device sleeps, and nobody rings."""
    found = search(rig, submitters, device)
    assert found.counterexample is not None
    assert found.counterexample.what == "device: for ever"
    return found.counterexample.steps


def test_submitter_without_a_barrier_would_be_found() -> None:
    """It looks at need_wakeup before its publication is in memory."""
    rig = QueueRig(1, (1,))
    submitters, device = actors_of(rig)
    doorbell = submitters[0].doorbell
    assert doorbell is not None
    doorbell._full_barrier = no_barrier
    steps = asleep(rig, submitters, device)

    assert "submitter 0: looks at need_wakeup[0]: 0" in steps
    assert steps[-1] == "    drained, submitter 0: stores lane 0.tail: 1"


def test_device_without_a_barrier_would_be_found() -> None:
    """It looks at the lanes before its flag is in memory."""
    rig = QueueRig(1, (1,))
    submitters, device = actors_of(rig)
    device._doorbell._full_barrier = no_barrier
    steps = asleep(rig, submitters, device)

    assert "submitter 0: looks at need_wakeup[0]: 0" in steps
    assert "    drained, device: stores need_wakeup[0]: 1" in steps


class BlocksAtOnce(SearchedPump):
    """Sees nothing when it looks once more, between arming and blocking."""

    is_armed = False

    def _sleep(self) -> None:
        """Arm, and block."""
        self.is_armed = True
        super()._sleep()
        self.is_armed = False

    def _serve(self) -> int:
        """Look, but not when it matters."""
        return 0 if self.is_armed else super()._serve()


def test_device_that_does_not_look_once_more_would_be_found() -> None:
    """What was published before it armed rang nobody."""
    rig = QueueRig(1, (1,))
    steps = asleep(rig, *actors_of(rig, device=BlocksAtOnce))

    assert "submitter 0: looks at need_wakeup[0]: 0" in steps


@dataclass
class RingsFirst(Submitter):
    """Rings, then publishes."""

    def submit(self) -> None:
        """Do both in the wrong order."""
        assert self.doorbell is not None
        self.doorbell.ring()
        doorbell, self.doorbell = self.doorbell, None
        super().submit()
        self.doorbell = doorbell


def test_ringing_before_publishing_would_be_found() -> None:
    """The device was awake then, and is not now."""
    rig = QueueRig(1, (1,))
    steps = asleep(rig, *actors_of(rig, submitter=RingsFirst))

    assert steps[-1] == "    drained, submitter 0: stores lane 0.tail: 1"
