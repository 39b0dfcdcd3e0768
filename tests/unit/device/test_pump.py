"""The pump obeys, serves and drains; here without a process of its own."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mpzswap.completion.status import Status
from mpzswap.device.arbiter import BURST
from mpzswap.device.faults import FaultyPump
from mpzswap.device.main import CONTROL_EVERY, Pump
from mpzswap.device.words import TAKEN
from mpzswap.ring.attach import Attach, Detach, PublishCounters, encode
from mpzswap.ring.lane import TAIL_WORD
from tests.tools.descriptors import NOOP, PASID, asking
from tests.tools.eventfd import raised
from tests.tools.pump_rig import (
    ATTACH,
    ATTACH_INTERRUPT,
    CAPACITY,
    DETACH,
    HANDLE,
    PORTAL,
    PumpRig,
)


@pytest.fixture(params=[Pump, FaultyPump])
def rig(request: pytest.FixtureRequest) -> Iterator[PumpRig]:
    """Give a pump that was told nothing; one for faults without any does as any."""
    with ExitStack() as stack:
        yield PumpRig(stack, request.param)


def nr_mappings() -> int:
    """Give how many mappings of segments this process has."""
    return Path("/proc/self/maps").read_text().count("memfd:mpzswap")


def nr_descriptors() -> int:
    """Give how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_attached_lane_is_served(rig: PumpRig) -> None:
    """Descriptors of the portal are answered in the portal."""
    rig.tell(ATTACH)
    rig.publish(3)
    rig.pump._obey()
    rig.pump._serve()

    assert rig.statuses(4) == [Status.SUCCESS] * 3 + [Status.NONE]
    assert rig.lane.space_left() == CAPACITY


def test_every_word_is_answered_by_itself(rig: PumpRig) -> None:
    """The parent knows that it was done."""
    rig.tell(ATTACH, PublishCounters(), DETACH)
    rig.pump._obey()

    assert rig.control.sent == [
        encode(ATTACH),
        encode(PublishCounters()),
        encode(DETACH),
    ]


def test_other_pasid_is_refused_on_the_lane(rig: PumpRig) -> None:
    """A lane speaks for the address space that it was attached with."""
    rig.tell(Attach(PASID + 1, PORTAL, ATTACH.lanes))
    rig.publish(1)
    rig.pump._obey()
    rig.pump._serve()

    assert rig.statuses(1) == [Status.PRIV_BAD]


def test_detached_lane_is_not_served(rig: PumpRig) -> None:
    """Nothing in the segment is touched any more."""
    rig.tell(ATTACH, DETACH)
    rig.pump._obey()
    rig.publish(2)
    rig.pump._serve()

    assert rig.statuses(2) == [Status.NONE] * 2
    assert rig.lane.space_left() == CAPACITY - 2


@pytest.mark.parametrize(
    "told", [ATTACH, ATTACH_INTERRUPT], ids=["memory", "interrupt"]
)
def test_detach_gives_the_memory_back(rig: PumpRig, told: Attach) -> None:
    """The mapping and the descriptors that came along are gone."""
    mappings = nr_mappings()
    descriptors = nr_descriptors()
    rig.tell(told)
    rig.pump._obey()
    rig.publish(1)
    rig.pump._serve()
    assert nr_mappings() == mappings + 1
    rig.tell(DETACH)
    rig.pump._obey()

    assert nr_mappings() == mappings
    assert nr_descriptors() == descriptors


def test_detach_of_what_was_never_attached_is_answered(rig: PumpRig) -> None:
    """Who was interrupted in telling us does not know; the next one is served."""
    rig.tell(DETACH, ATTACH, DETACH, DETACH)
    rig.pump._obey()

    assert rig.control.sent == list(map(encode, (DETACH, ATTACH, DETACH, DETACH)))


def test_interrupt_comes_with_its_segment(rig: PumpRig) -> None:
    """Descriptors may ask for it, and it is counted."""
    rig.tell(ATTACH_INTERRUPT)
    rig.publish(3, asking(NOOP, HANDLE))
    rig.pump._obey()
    rig.pump._serve()
    rig.pump._publish()

    assert rig.statuses(3) == [Status.SUCCESS] * 3
    assert raised(rig.interrupt) == rig.counters().interrupts == 3


def test_interrupt_goes_with_its_segment(rig: PumpRig) -> None:
    """Attached again without one, nobody can ask for it."""
    rig.tell(ATTACH_INTERRUPT, DETACH, ATTACH)
    rig.publish(1, asking(NOOP, HANDLE))
    rig.pump._obey()
    rig.pump._serve()

    assert rig.statuses(1) == [Status.INT_HANDLE_INVAL]
    assert raised(rig.interrupt) == 0


def test_interrupt_of_another_pasid_is_not_raised(rig: PumpRig) -> None:
    """The device has the handle, but not for who asks."""
    rig.tell(ATTACH, Attach(PASID + 1, PORTAL + 1, int_handle=HANDLE))
    rig.publish(1, asking(NOOP, HANDLE))
    rig.pump._obey()
    rig.pump._serve()
    rig.tell(Detach(PASID + 1, PORTAL + 1))
    rig.pump._obey()

    assert rig.statuses(1) == [Status.INT_HANDLE_INVAL]
    assert raised(rig.interrupt) == 0


def test_interrupt_of_another_segment_can_be_asked_for(rig: PumpRig) -> None:
    """It is the pasid's, whichever of its segments has the lane."""
    rig.tell(ATTACH, Attach(PASID, PORTAL + 1, int_handle=HANDLE))
    rig.publish(1, asking(NOOP, HANDLE))
    rig.pump._obey()
    rig.pump._serve()
    rig.tell(Detach(PASID, PORTAL + 1))
    rig.pump._obey()

    assert rig.statuses(1) == [Status.SUCCESS]
    assert raised(rig.interrupt) == 1


def test_segment_can_be_attached_again(rig: PumpRig) -> None:
    """What was detached leaves nothing behind."""
    rig.tell(ATTACH, DETACH, ATTACH)
    rig.publish(1)
    rig.pump._obey()
    rig.pump._serve()

    assert rig.statuses(1) == [Status.SUCCESS]


def test_device_answers_what_was_published_before_it_leaves(rig: PumpRig) -> None:
    """The parent let go; the lanes are drained first, however full they are."""
    rig.tell(ATTACH)
    rig.publish(100)
    rig.pump._obey()
    rig.pump.run()

    assert rig.statuses(100) == [Status.SUCCESS] * 100
    assert rig.counters().descriptors == 100


def test_device_obeys_while_it_has_nothing_to_do(rig: PumpRig) -> None:
    """The control socket wakes it, and its need to be woken is withdrawn."""
    rig.tell(ATTACH, PublishCounters())
    rig.pump.run()

    assert len(rig.control.sent) == 2
    assert rig.counters().sleeps == 1
    assert rig.words[0] == 0


def test_device_obeys_though_work_never_ends(
    rig: PumpRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trickle that is never long absent does not keep it from its control."""
    served = iter(range(10 * CONTROL_EVERY))
    monkeypatch.setattr(rig.pump, "_serve", lambda: next(served) % 2)
    rig.tell(ATTACH)
    monkeypatch.setattr(rig.pump, "_drain", lambda: None)
    rig.pump.run()

    assert rig.control.sent == [encode(ATTACH)]


def test_device_obeys_between_two_full_bursts(
    rig: PumpRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of a slow codec takes so long that more of them are taken for its end."""
    passes: list[list[bytes]] = []

    def serve() -> int:
        passes.append(list(rig.control.sent))
        return BURST

    monkeypatch.setattr(rig.pump, "_serve", serve)
    monkeypatch.setattr(rig.pump, "_drain", lambda: None)
    rig.tell(ATTACH)
    rig.pump.run()

    assert passes == [[], [encode(ATTACH)]]


def test_what_is_taken_is_told(rig: PumpRig) -> None:
    """Entries are free as soon as they are taken, whoever looks at the answers."""
    rig.tell(ATTACH)
    rig.publish(5)
    rig.pump._obey()
    rig.pump._serve()

    assert rig.words[TAKEN].tolist()[0] == 5


def test_what_a_submitter_leaves_behind_takes_no_place(rig: PumpRig) -> None:
    """Descriptors in a lane that is detached count as taken."""
    rig.tell(ATTACH, DETACH)
    rig.publish(4)
    rig.pump._obey()

    assert rig.words[TAKEN].tolist()[0] == 4


def test_counters_are_published_when_asked_for(rig: PumpRig) -> None:
    """They are true when the answer comes, though the device has not slept."""
    rig.tell(ATTACH)
    rig.publish(2)
    rig.pump._obey()
    rig.pump._serve()
    assert rig.counters().descriptors == 0
    rig.tell(PublishCounters())
    rig.pump._obey()

    assert rig.counters().descriptors == 2


def test_broken_lane_is_counted_though_nothing_else_happens(rig: PumpRig) -> None:
    """A device with no other work tells of it when it falls asleep."""
    rig.tell(ATTACH)
    rig.pump._obey()
    rig.portal.memory[:128].cast("Q")[TAIL_WORD] = CAPACITY + 1
    rig.pump._sleep()

    assert rig.counters().broken_lanes == 1
