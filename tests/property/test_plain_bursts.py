"""A burst leaves the same behind, whether it is run by columns or one by one."""

import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mpzswap.device.check import RCI, Descriptor
from mpzswap.device.columns import PART, ColumnRunner
from mpzswap.device.plain import MOST, recognise
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.page.mix import generate
from mpzswap.ring.descriptor import DecomprFlag
from tests.tools.descriptors import packed
from tests.tools.device_rig import HANDLE, NR_PAGES, DeviceRig, device_rig
from tests.tools.manual_clock import ManualClock

STAMPS = slice(48, 64)
SUPPRESS = int(DecomprFlag.SUPPRESS_OUTPUT)
# Some compress, one is one byte over and over, one does not get smaller.
STREAMS = (3, 4)
CONTENT = np.concatenate([generate("text", 4, seed=1), generate("random", 1, seed=1)])

Change = Callable[[Descriptor], Descriptor]


def changed(**fields: int) -> Change:
    """Give a change of some fields."""
    return lambda descriptor: descriptor._replace(**fields)


# What makes a burst odd: each of them in one descriptor is enough.
ODDITIES: dict[str, Change] = {
    "flags": changed(flags_opcode=0x43000000),
    "opcode": changed(flags_opcode=0x4100000C),
    "pasid": changed(pasid_priv=99),
    "no such segment": changed(src1_addr=77 << 40),
    "end of the segment": changed(dst_addr=(5 << 40) + (NR_PAGES << 12) - 8),
    "size": changed(src1_size=0),
    "small output": changed(max_dst_size=100),
    "reserved": changed(filter_flags=1),
    "record astray": changed(completion_addr=(5 << 40) + 63 * 64),
    "record not aligned": changed(completion_addr=(5 << 40) + 1),
    "record in the output": lambda d: d._replace(completion_addr=d.dst_addr),
    "output on the input": lambda d: d._replace(dst_addr=d.src1_addr),
    "suppressed": lambda d: d._replace(compr_flags=d.compr_flags | SUPPRESS),
}

DESCRIPTORS = st.tuples(
    st.booleans(),
    st.integers(1, 4),
    st.integers(4, NR_PAGES - 1),
    st.sampled_from(["", "", "", "", *ODDITIES]),
)


@pytest.fixture(scope="module", params=["lz4", "deflate-iaa", "zstd"])
def rigs(request: pytest.FixtureRequest) -> Iterator[tuple[DeviceRig, DeviceRig]]:
    """Give two devices with the same codec."""
    with device_rig(request.param) as one, device_rig(request.param) as other:
        yield one, other


def fill(rig: DeviceRig) -> None:
    """Begin anew: pages 1 and 2 are data, 3 and 4 streams; records were used before."""
    rig.memory[:] = bytes(len(rig.memory))
    rig.memory[:PAGE_SIZE] = b"\xa5" * PAGE_SIZE
    for index, page in ((1, CONTENT[0]), (2, CONTENT[4])):
        rig.put(index, page.tobytes())
    for index in STREAMS:
        rig.put(index, stream_of(rig, index))
    vars(rig.counters).update(dict.fromkeys(vars(rig.counters), 0))


def stream_of(rig: DeviceRig, index: int) -> bytes:
    """Give the stream that a page has."""
    return rig.codec.compress(memoryview(CONTENT[index - 2].tobytes()))


def without_stamps(rig: DeviceRig) -> bytes:
    """Give the memory; of records all but the stamps."""
    memory = np.frombuffer(rig.memory, np.uint8).copy()
    memory[:PAGE_SIZE].reshape(-1, 64)[:, STAMPS] = 0
    return memory.tobytes()


def counted(rig: DeviceRig) -> dict[str, int]:
    """Give the counters, time apart."""
    return {name: n for name, n in vars(rig.counters).items() if name != "busy_ns"}


def burst_of(rig: DeviceRig, rows: list[tuple[bool, int, int, str]]) -> bytes:
    """Give descriptors, whose records lie side by side if nothing is odd."""
    sizes = {index: len(stream_of(rig, index)) for index in STREAMS}
    made = []
    for place, (compress, source, target, oddity) in enumerate(rows):
        descriptor = (
            rig.compress(source, target)
            if compress
            else rig.decompress(source, target, src1_size=sizes.get(source, 500))
        )
        descriptor = descriptor._replace(completion_addr=rig.record_at(place))
        made.append(ODDITIES[oddity](descriptor) if oddity else descriptor)
    return packed(*made)


def run_both(rigs: tuple[DeviceRig, DeviceRig], burst: bytes) -> None:
    """Run it by the engine, and descriptor by descriptor."""
    for rig in rigs:
        fill(rig)
    rigs[0].engine.run(burst, rigs[0].client)
    rigs[1].engine._run_each(burst, rigs[1].client)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(DESCRIPTORS, min_size=1, max_size=20))
def test_any_burst_leaves_what_it_leaves_one_by_one(
    rigs: tuple[DeviceRig, DeviceRig], rows: list[tuple[bool, int, int, str]]
) -> None:
    """Odd descriptors among plain ones, outputs on top of each other and of inputs."""
    run_both(rigs, burst_of(rigs[0], rows))

    assert without_stamps(rigs[0]) == without_stamps(rigs[1])
    assert counted(rigs[0]) == counted(rigs[1])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    compress=st.booleans(),
    places=st.lists(
        st.tuples(st.integers(1, 2), st.integers(5, 7)), min_size=1, max_size=MOST
    ),
)
def test_plain_burst_leaves_what_it_leaves_one_by_one(
    rigs: tuple[DeviceRig, DeviceRig],
    compress: bool,  # noqa: FBT001 - hypothesis gives it by name
    places: list[tuple[int, int]],
) -> None:
    """One that is run by columns for sure, pages that do not get smaller among it."""
    rows = [(compress, source + 2 * (not compress), to, "") for source, to in places]
    run_both(rigs, burst_of(rigs[0], rows))

    assert without_stamps(rigs[0]) == without_stamps(rigs[1])
    assert counted(rigs[0]) == counted(rigs[1])


def test_page_without_room_in_a_later_part_leaves_what_it_leaves_one_by_one(
    rigs: tuple[DeviceRig, DeviceRig],
) -> None:
    """Its answer is at its place in the burst, not in the part."""
    rows = [(True, 1 + (place == PART + 5), 5, "") for place in range(PART + 20)]
    run_both(rigs, burst_of(rigs[0], rows))

    assert without_stamps(rigs[0]) == without_stamps(rigs[1])
    assert counted(rigs[0]) == counted(rigs[1])
    assert rigs[0].counters.errors == 1


def test_interrupts_of_a_plain_burst_are_as_many_as_its_descriptors(
    rigs: tuple[DeviceRig, DeviceRig],
) -> None:
    """An eventfd counts."""
    rig = rigs[0]
    fill(rig)
    descriptors = [
        rig.compress(1, 5, completion_addr=rig.record_at(place), int_handle=HANDLE)
        for place in range(3)
    ]
    descriptors = [
        each._replace(flags_opcode=each.flags_opcode | RCI) for each in descriptors
    ]
    rig.engine.run(packed(*descriptors), rig.client)

    assert rig.counters.interrupts == 3
    assert os.eventfd_read(rig.client.interrupts[HANDLE]) == 3


class Ticking(ManualClock):
    """A clock that goes on with each look."""

    def now_ns(self) -> int:
        """Give the time, and let a microsecond pass."""
        self.ns += 1000
        return self.ns


def test_stamps_of_a_plain_burst_go_on_one_after_the_other(
    rigs: tuple[DeviceRig, DeviceRig],
) -> None:
    """Each is taken when the one before it is done, none before the burst was."""
    rig = rigs[0]
    fill(rig)
    clock = Ticking()
    runner = ColumnRunner(clock, rig.counters)
    plain = recognise(burst_of(rig, [(True, 1, 5, "")] * 4), rig.client, PAGE_SIZE)
    assert plain is not None
    begun_ns = clock.ns
    assert runner.run(plain, rig.codec, rig.client)
    words = rig.memory[:256].cast("Q")
    taken, done = words[6::8].tolist(), words[7::8].tolist()

    assert taken[0] > begun_ns
    assert taken[1:] == done[:-1]
    assert taken[0] < done[0]
    assert done[-1] <= clock.ns
    assert rig.counters.busy_ns >= done[-1] - taken[0]


def test_only_inputs_of_up_to_a_page_are_plain(
    rigs: tuple[DeviceRig, DeviceRig],
) -> None:
    """The first is checked as any descriptor; the others may not be longer for that."""
    rig = rigs[0]
    fill(rig)
    first = rig.decompress(3, 6, completion_addr=rig.record_at(0), src1_size=500)
    for size, is_plain in ((PAGE_SIZE, True), (PAGE_SIZE + 1, False), (0, False)):
        second = first._replace(completion_addr=rig.record_at(1), src1_size=size)
        plain = recognise(packed(first, second), rig.client, PAGE_SIZE)

        assert (plain is not None) == is_plain


@pytest.mark.parametrize("scratch_bytes", [16, MOST * PAGE_SIZE])
def test_codec_never_sees_the_memory_of_the_submitter(
    rigs: tuple[DeviceRig, DeviceRig],
    monkeypatch: pytest.MonkeyPatch,
    scratch_bytes: int,
) -> None:
    """It could change between two looks; also inputs that lie far apart are copied."""
    rig = rigs[0]
    fill(rig)
    honest, seen = rig.codec.decompress, []

    def decompress(data: memoryview, limit: int) -> bytes:
        seen.append(np.shares_memory(np.frombuffer(data, np.uint8), memory))
        return honest(data, limit)

    monkeypatch.setattr(rig.codec, "decompress", decompress)
    runner = ColumnRunner(ManualClock(), rig.counters)
    runner._scratch = memoryview(bytearray(scratch_bytes))
    burst = burst_of(rig, [(False, 3, 6, ""), (False, 4, 7, "")])
    plain = recognise(burst, rig.client, PAGE_SIZE)
    assert plain is not None
    memory = np.frombuffer(plain.source, np.uint8)
    assert runner.run(plain, rig.codec, rig.client)

    assert seen == [False, False]
    assert bytes(rig.memory[6 << 12 : 8 << 12]) == CONTENT[1:3].tobytes()
