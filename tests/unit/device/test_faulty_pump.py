"""A pump whose device has faults brings what is late in time."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from mpzswap.completion.status import Status
from mpzswap.device.faults import FaultyPump
from mpzswap.device.main import IDLE_TIMEOUT_NS
from mpzswap.ring.memory import address
from mpzswap.topology.model import Device
from tests.tools.descriptors import COMPRESS
from tests.tools.manual_clock import ManualClock
from tests.tools.pump_rig import ATTACH, DATA, PORTAL, PumpRig

HALF = 2048
HALF_A_PAGE = COMPRESS._replace(
    src1_addr=address(PORTAL, DATA),
    dst_addr=address(PORTAL, DATA + HALF),
    src1_size=HALF,
    max_dst_size=HALF,
)


@contextmanager
def faulty(*faults: str) -> Iterator[tuple[PumpRig, ManualClock]]:
    """Give a pump with *faults* and one lane, and its clock."""
    with ExitStack() as stack:
        rig = PumpRig(stack, FaultyPump, Device(name="iax0", faults=faults))
        clock = ManualClock()
        rig.pump._clock = clock
        rig.pump._engine._clock = clock
        rig.tell(ATTACH)
        rig.pump._obey()
        yield rig, clock


def test_late_answer_comes_in_a_later_pass() -> None:
    """Though there is no other work."""
    with faulty("late:delay=5ms,count=1") as (rig, clock):
        rig.publish(2, HALF_A_PAGE)
        rig.pump._serve()
        assert rig.statuses(2) == [Status.NONE, Status.SUCCESS]
        clock.ns += 5_000_000
        rig.pump._serve()

        assert rig.statuses(2) == [Status.SUCCESS] * 2


@pytest.mark.parametrize(
    ("delay", "limit_ns"),
    [("5ms", 4_000_000), ("1500us", 500_000), ("500us", 0), ("10s", 1_000_000_000)],
)
def test_sleep_ends_when_the_next_late_answer_is_due(delay: str, limit_ns: int) -> None:
    """Not much later, and never after its own limit."""
    with faulty(f"late:delay={delay}") as (rig, clock):
        rig.publish(1, HALF_A_PAGE)
        rig.pump._serve()
        clock.ns += 1_000_000

        assert rig.pump._idle_timeout_ns() == limit_ns


def test_sleep_is_as_long_as_any_where_nothing_is_late() -> None:
    """The device costs no more than another."""
    with faulty("late:count=1") as (rig, _):
        assert rig.pump._idle_timeout_ns() == IDLE_TIMEOUT_NS


def test_answer_comes_twice_in_a_later_burst() -> None:
    """Once for each record that is used again."""
    with faulty("duplicate:count=3") as (rig, _):
        for _ in range(2):
            rig.publish(4, HALF_A_PAGE)
            rig.pump._serve()

        assert rig.injected() == {"duplicate": 3}


def test_drain_brings_what_is_late() -> None:
    """What was published before the end is answered."""
    with faulty("late:delay=10s") as (rig, _):
        rig.publish(2, HALF_A_PAGE)
        rig.pump._drain()

        assert rig.statuses(2) == [Status.SUCCESS] * 2
        assert rig.counters().descriptors == 2


def test_faults_are_counted_at_once() -> None:
    """Before the counters are published: a device that dies has them told."""
    with faulty("hw_error") as (rig, _):
        rig.publish(2, HALF_A_PAGE)
        rig.pump._serve()

        assert rig.injected() == {"hw_error": 2}
        assert rig.counters().descriptors == 0
