"""Engines that keep time beside a line before a few counters, whenever one looks."""

import heapq
from contextlib import ExitStack
from typing import NamedTuple

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from mpzswap.completion.record import RECORD
from mpzswap.device.timed import TimedPump
from mpzswap.ring.memory import address
from mpzswap.topology.model import Device
from mpzswap.topology.timing import DeviceCodec
from tests.tools.descriptors import COMPRESS
from tests.tools.manual_clock import ManualClock
from tests.tools.pump_rig import ATTACH, DATA, PORTAL, RECORDS, PumpRig
from tests.tools.timings import direction

HALF = 2048
# So that a byte takes a ns.
TIMING = msgspec.convert(
    {"compress": direction((4096, 4096)), "decompress": direction((4096, 4096))},
    DeviceCodec,
)


class Job(NamedTuple):
    """A descriptor: how long after the one before it, its bytes, and looks after it."""

    gap_ns: int
    size: int
    looks_ns: tuple[int, ...]


jobs = st.lists(
    st.builds(
        Job,
        st.integers(0, 3000),
        st.integers(1, HALF),
        st.lists(st.integers(0, 2000), max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=12,
)


def as_pumped(jobs: list[Job], engines: int) -> list[tuple[int, int]]:
    """Give when each was taken and completed, by a device that looks now and then."""
    device = Device(name="iax0", compress_engines=engines)
    with ExitStack() as stack:
        clock = ManualClock(ns=0)
        rig = PumpRig(stack, TimedPump, device=device, clock=clock, timing=TIMING)
        rig.tell(ATTACH)
        rig.pump._obey()
        for number, job in enumerate(jobs):
            clock.ns += job.gap_ns
            publish(rig, number, job.size)
            rig.pump._serve()
            for look_ns in job.looks_ns:
                clock.ns += look_ns
                rig.pump._serve()
        rig.pump._drain()
        size = RECORD.itemsize
        at = [RECORDS + size * number for number in range(len(jobs))]
        return [stamps(rig.portal.memory[each : each + size]) for each in at]


def publish(rig: PumpRig, number: int, size: int) -> None:
    """Publish a compression that answers into its own record."""
    source, target = address(PORTAL, DATA), address(PORTAL, DATA + HALF)
    made = COMPRESS._replace(src1_addr=source, dst_addr=target)
    made = made._replace(src1_size=size, max_dst_size=HALF)
    rig.publish_at(number, made)


def stamps(record: memoryview) -> tuple[int, int]:
    """Give when a descriptor was taken and completed."""
    fields = RECORD.fields
    assert fields is not None
    taken, completed = (
        int.from_bytes(record[fields[name][1] : fields[name][1] + 8], "little")
        for name in ("taken_ns", "completed_ns")
    )
    return taken, completed


def as_counted(jobs: list[Job], engines: int) -> list[tuple[int, int]]:
    """Give the same of a line, each of which goes to the engine that is free first."""
    free, now_ns, done = [0] * engines, 0, []
    for job in jobs:
        now_ns += job.gap_ns
        start_ns = max(now_ns, heapq.heappop(free))
        heapq.heappush(free, start_ns + job.size)
        done.append((start_ns, start_ns + job.size))
        now_ns += sum(job.looks_ns)
    return done


def at_once(*sizes: int, look_ns: int | None = None) -> list[Job]:
    """Give jobs that come together, and at last a look."""
    looks_ns = () if look_ns is None else (look_ns,)
    return [*(Job(0, size, ()) for size in sizes[:-1]), Job(0, sizes[-1], looks_ns)]


# An engine is free twice before another is once: at the end, and by a late look.
@example(at_once(1, 3, 1, 1), 2)
@example(at_once(1, 3, 1, 1, look_ns=9), 2)
@given(jobs, st.integers(1, 3))
def test_engines_take_and_complete_whenever_one_looks(
    jobs: list[Job], engines: int
) -> None:
    """However late: stamps are those of engines that go on by themselves."""
    assert as_pumped(jobs, engines) == as_counted(jobs, engines)
