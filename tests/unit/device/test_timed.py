"""Engines that take a profile's time: what is withheld, until when; what is late."""

from collections.abc import Iterator
from contextlib import ExitStack

import msgspec
import numpy as np
import pytest

from mpzswap.completion.record import RECORD
from mpzswap.completion.status import Status
from mpzswap.device.check import Descriptor
from mpzswap.device.main import IDLE_TIMEOUT_NS
from mpzswap.device.timed import TimedPump, units_of
from mpzswap.device.words import ENGINES, TAKEN
from mpzswap.ring.memory import address
from mpzswap.topology.model import Device, Group, WorkQueue
from mpzswap.topology.timing import DeviceCodec
from tests.tools.descriptors import COMPRESS, DECOMPRESS, NOOP, PASID, asking
from tests.tools.eventfd import raised
from tests.tools.manual_clock import ManualClock
from tests.tools.pump_rig import (
    ATTACH,
    ATTACH_INTERRUPT,
    DATA,
    DETACH,
    HANDLE,
    PORTAL,
    RECORDS,
    PumpRig,
)
from tests.tools.timings import direction, figure

# An engine compresses 4 KiB in so long, and decompresses to them.
COMPRESS_NS, DECOMPRESS_NS = 1000, 500
HALF = 2048
NR_RECORDS = 16
TIMING = msgspec.convert(
    {
        "compress": direction((4096, COMPRESS_NS)),
        "decompress": direction((4096, DECOMPRESS_NS)),
    },
    DeviceCodec,
)
# Half a page each, of the rig's page of data; half the time, then.
HALF_A_PAGE = COMPRESS._replace(
    src1_addr=address(PORTAL, DATA),
    dst_addr=address(PORTAL, DATA + HALF),
    src1_size=HALF,
    max_dst_size=HALF,
)
HALF_NS = COMPRESS_NS // 2
LATENCY_NS = 300
LATE_TIMING = msgspec.convert(
    {
        "compress": direction((4096, COMPRESS_NS)) | {"latency": figure(LATENCY_NS)},
        "decompress": direction((4096, DECOMPRESS_NS)),
    },
    DeviceCodec,
)
REFUSED = HALF_A_PAGE._replace(src1_size=0)
GROUP = Group(compress_engines=1, decompress_engines=1)
TWO_GROUPS = Device(
    name="iax0",
    groups=(GROUP, GROUP),
    wqs=(WorkQueue(size=8, name="wq0"), WorkQueue(size=8, name="wq1", group_id=1)),
)


class TimedRig:
    """
    A pump that keeps time, its clock, and a lane; times are from the beginning.

    Its device has two engines that compress and eight that decompress, in one group,
    unless a test says otherwise.
    """

    def __init__(
        self,
        stack: ExitStack,
        device: Device | None = None,
        timing: DeviceCodec = TIMING,
    ) -> None:
        self.clock = ManualClock()
        self.began_ns = self.clock.ns
        self.rig = PumpRig(
            stack, TimedPump, device=device, clock=self.clock, timing=timing
        )
        self.pump = self.rig.pump
        self.rig.tell(ATTACH)
        self.pump._obey()

    def publish(self, count: int, descriptor: Descriptor = HALF_A_PAGE) -> None:
        """Publish so many; their records are the first ones."""
        self.rig.publish(count, descriptor)

    def at(self, ns: int) -> list[int]:
        """Let the device look at that time; give the records that are written."""
        self.clock.ns = self.began_ns + ns
        self.pump._serve()
        self.pump._publish()
        return self.written()

    def written(self) -> list[int]:
        """Give the records that are written."""
        statuses = self.rig.statuses(NR_RECORDS)
        return [index for index, status in enumerate(statuses) if status]

    def stamps(self, count: int) -> list[tuple[int, int]]:
        """Give when descriptors were taken and completed."""
        memory = self.rig.portal.memory[RECORDS : RECORDS + 64 * count]
        records = np.frombuffer(memory, RECORD)
        both = zip(records["taken_ns"], records["completed_ns"], strict=True)
        return [(int(a) - self.began_ns, int(b) - self.began_ns) for a, b in both]

    def engines(self) -> list[int]:
        """Give how long each engine has worked, of those of the device's words."""
        return self.rig.words[ENGINES].tolist()


@pytest.fixture
def rig() -> Iterator[TimedRig]:
    """Give a rig with the usual device."""
    with ExitStack() as stack:
        yield TimedRig(stack)


@pytest.fixture
def two_groups() -> Iterator[TimedRig]:
    """Give a rig with two groups of an engine of each kind; its lane is of queue 0."""
    with ExitStack() as stack:
        yield TimedRig(stack, TWO_GROUPS)


def test_nothing_is_answered_before_its_time(rig: TimedRig) -> None:
    """The work is done at once, and nobody is told."""
    rig.publish(1)

    assert rig.at(0) == []
    assert rig.at(HALF_NS - 1) == []
    assert rig.at(HALF_NS) == [0]
    assert rig.stamps(1) == [(0, HALF_NS)]
    assert rig.rig.statuses(1) == [Status.SUCCESS]


def test_descriptor_is_not_taken_before_it_is_submitted(rig: TimedRig) -> None:
    """One that comes while we look: its submitter would wait for another answer."""
    plain = rig.clock.now_ns

    def now_ns() -> int:
        before_ns = plain()
        if not rig.rig.lane.published:
            rig.clock.ns += 10
            rig.publish(1)
        return before_ns

    rig.clock.now_ns = now_ns  # type: ignore[method-assign]  # a submitter is at work
    for at_ns in (0, 10, 10 + HALF_NS):
        rig.at(at_ns)

    assert rig.stamps(1) == [(10, 10 + HALF_NS)]


def test_time_goes_with_what_is_compressed(rig: TimedRig) -> None:
    """As the profile says for its size."""
    rig.publish(1, HALF_A_PAGE._replace(src1_size=1024))

    assert rig.at(0) == []
    assert rig.at(COMPRESS_NS // 4) == [0]


def test_decompression_takes_the_time_of_its_output(rig: TimedRig) -> None:
    """Its input is shorter."""
    rig.publish(1)
    rig.at(0)
    rig.at(HALF_NS)
    memory = rig.rig.portal.memory[RECORDS : RECORDS + 64]
    size = int(np.frombuffer(memory, RECORD)[0]["output_size"])
    assert size < 100
    again = DECOMPRESS._replace(
        src1_addr=address(PORTAL, DATA + HALF),
        dst_addr=address(PORTAL, DATA),
        src1_size=size,
        max_dst_size=HALF,
    )
    rig.publish(1, again)
    rig.at(1000)
    rig.at(1000 + DECOMPRESS_NS // 2)

    assert rig.stamps(1) == [(1000, 1000 + DECOMPRESS_NS // 2)]


def test_two_engines_work_at_once_and_the_third_waits(rig: TimedRig) -> None:
    """In the queue, where it has its place until then."""
    rig.publish(3)
    assert rig.at(0) == []
    assert (rig.rig.words[TAKEN][0], rig.rig.lane.waiting()) == (2, 1)
    assert rig.at(HALF_NS) == [0, 1]
    assert rig.rig.words[TAKEN][0] == 3

    assert rig.at(2 * HALF_NS) == [0, 1, 2]
    assert rig.stamps(3) == [(0, HALF_NS), (0, HALF_NS), (HALF_NS, 2 * HALF_NS)]


def test_engines_that_compress_keep_nobody_else_waiting(rig: TimedRig) -> None:
    """Others do what is no compression, meanwhile."""
    rig.publish(2)
    rig.at(0)
    # Into record 0, where the first compression is not answered yet.
    rig.publish(1, NOOP)
    rig.at(10)

    assert rig.at(10) == [0]
    assert rig.stamps(1) == [(10, 10)]


def test_descriptor_begins_no_earlier_than_those_before_it_in_its_lane(
    rig: TimedRig,
) -> None:
    """Though its engine was free: nobody is done before it was taken."""
    rig.publish(3)
    # Their records are the first ones again, of which it has that of the first.
    rig.publish(1, NOOP)
    rig.at(0)
    rig.at(HALF_NS)
    rig.at(HALF_NS)

    assert rig.stamps(1) == [(HALF_NS, HALF_NS)]
    assert rig.rig.counters().late == 0


def test_engine_goes_on_from_its_queue_where_we_look_late(rig: TimedRig) -> None:
    """As if we had been there: without a gap, and not from when we came."""
    rig.publish(4)
    rig.at(0)
    rig.at(10 * HALF_NS)

    assert rig.at(10 * HALF_NS) == [0, 1, 2, 3]
    assert rig.stamps(4)[2:] == [(HALF_NS, 2 * HALF_NS)] * 2


def test_engine_begins_what_comes_late_when_it_comes(rig: TimedRig) -> None:
    """It was idle until then."""
    rig.publish(1)
    rig.at(0)
    rig.at(HALF_NS)
    rig.publish(1)
    rig.at(3000)
    rig.at(3000 + HALF_NS)

    assert rig.stamps(1) == [(3000, 3000 + HALF_NS)]


def test_answer_that_is_too_late_is_counted(rig: TimedRig) -> None:
    """By how much, together and at most; each from its own target."""
    rig.publish(3)
    rig.at(0)
    rig.at(HALF_NS + 100)
    rig.at(2 * HALF_NS + 200)
    counters = rig.rig.counters()

    assert counters.descriptors == 3
    assert (counters.late, counters.late_ns, counters.late_max_ns) == (3, 400, 200)


def test_answer_that_is_a_little_late_is_not_counted(rig: TimedRig) -> None:
    """A twentieth of its time in the device does not show."""
    rig.publish(1)
    rig.at(0)
    rig.at(HALF_NS + HALF_NS // 20)

    assert rig.rig.counters().late == 0


def test_refused_descriptor_takes_no_time(rig: TimedRig) -> None:
    """Nobody has published any; it is answered as any."""
    rig.publish(1, REFUSED)
    rig.at(70)
    rig.at(70)

    assert rig.rig.statuses(1) == [Status.INVALID_SIZE]
    assert rig.stamps(1) == [(70, 70)]
    assert sum(rig.engines()) == 0


def test_page_that_does_not_compress_takes_its_time(rig: TimedRig) -> None:
    """The engine has tried."""
    noise = np.random.default_rng(1).bytes(HALF)
    rig.rig.portal.memory[DATA : DATA + HALF] = noise
    rig.publish(1)
    rig.at(0)

    assert rig.at(HALF_NS) == [0]
    assert rig.rig.statuses(1) == [Status.ANALYTICS_ERROR]


def test_interrupt_comes_with_the_answer() -> None:
    """Not with the work that is done before; the clock tells whoever relaxes."""
    with ExitStack() as stack:
        rig = TimedRig(stack)
        rig.rig.tell(DETACH, ATTACH_INTERRUPT)
        rig.pump._obey()
        rig.publish(1, asking(HALF_A_PAGE, HANDLE))
        rig.at(0)
        assert (raised(rig.rig.interrupt), rig.clock.notified) == (0, [])
        rig.at(HALF_NS)

        assert (raised(rig.rig.interrupt), rig.clock.notified) == (1, [PASID])


def test_device_sleeps_until_the_next_answer_is_due(rig: TimedRig) -> None:
    """Not at all where it is over; with nothing to do, as long as any."""
    assert rig.pump._idle_timeout_ns() == IDLE_TIMEOUT_NS
    rig.publish(1)
    rig.at(0)
    assert rig.pump._idle_timeout_ns() == HALF_NS
    rig.clock.ns += 10 * HALF_NS

    assert rig.pump._idle_timeout_ns() == 0


def test_device_that_leaves_answers_all(rig: TimedRig) -> None:
    """What its engines have, and what waits for them; nobody measures any more."""
    rig.publish(9)
    rig.at(0)
    rig.pump._drain()

    assert rig.written() == list(range(9))
    assert rig.rig.counters().descriptors == 9
    assert rig.rig.counters().late == 0


def test_client_that_leaves_is_answered_no_more(rig: TimedRig) -> None:
    """Its records are no memory of the device's; the engine is free in time."""
    rig.publish(3)
    rig.at(0)
    rig.rig.tell(DETACH)
    rig.pump._obey()
    assert rig.at(HALF_NS) == []
    rig.at(2 * HALF_NS)

    assert rig.written() == []
    assert rig.rig.counters().unreported == 2
    assert rig.rig.words[TAKEN][0] == 3


def test_groups_have_engines_of_their_own(two_groups: TimedRig) -> None:
    """A queue of one is not served by those of another."""
    two_groups.publish(2)
    assert two_groups.at(0) == []
    assert two_groups.at(HALF_NS) == [0]

    assert two_groups.at(2 * HALF_NS) == [0, 1]
    assert two_groups.engines()[:4] == [2 * HALF_NS, 0, 0, 0]


def test_engines_words_add_up_to_the_time_of_the_device(rig: TimedRig) -> None:
    """Each has its own; together they are what the device was busy for."""
    rig.publish(5)
    for tenth in range(40):
        rig.at(tenth * HALF_NS // 10)
    engines = rig.engines()

    assert rig.written() == list(range(5))
    assert sorted(engines[:2]) == [2 * HALF_NS, 3 * HALF_NS]
    assert sum(engines) == rig.rig.counters().busy_ns == 5 * HALF_NS


def test_engine_is_busy_for_what_it_has_done(rig: TimedRig) -> None:
    """Not for what it still has to do: nobody is busy for more than all the time."""
    rig.publish(1)
    rig.at(0)
    found = []
    for quarter in range(3):
        rig.at(quarter * HALF_NS // 4)
        found.append((rig.engines()[0], rig.rig.counters().busy_ns))

    assert found == [(done, done) for done in (0, HALF_NS // 4, HALF_NS // 2)]


def test_engines_are_numbered_by_group_and_kind() -> None:
    """The parent finds the same ones beside their words."""
    found = [
        (unit.number, unit.group, unit.compresses) for unit in units_of(TWO_GROUPS)
    ]

    assert found == [(0, 0, True), (1, 0, False), (2, 1, True), (3, 1, False)]


def test_group_without_a_kind_does_it_with_the_other() -> None:
    """Slowly, as an emulation may; nobody waits for ever."""
    only = Device(
        name="iax0",
        groups=(Group(decompress_engines=1),),
        wqs=(WorkQueue(size=8, name="wq0"),),
    )
    with ExitStack() as stack:
        rig = TimedRig(stack, only)
        rig.publish(2)
        rig.at(0)

        assert rig.at(HALF_NS) == [0]
        assert rig.at(2 * HALF_NS) == [0, 1]


def test_engine_is_free_before_its_answer_can_be_seen() -> None:
    """Latency is nobody's work: the third descriptor of two engines waits for none."""
    with ExitStack() as stack:
        rig = TimedRig(stack, timing=LATE_TIMING)
        rig.publish(3)

        assert rig.at(0) == rig.at(HALF_NS) == []
        assert rig.at(HALF_NS + LATENCY_NS) == [0, 1]
        assert rig.at(2 * HALF_NS + LATENCY_NS - 1) == [0, 1]
        assert rig.at(2 * HALF_NS + LATENCY_NS) == [0, 1, 2]
        assert rig.stamps(3) == [(0, HALF_NS)] * 2 + [(HALF_NS, 2 * HALF_NS)]
        assert sum(rig.engines()) == 3 * HALF_NS
