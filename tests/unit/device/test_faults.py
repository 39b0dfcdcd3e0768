"""What each kind of fault does to a descriptor; all others are done well."""

import math
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mpzswap.completion.status import ErrorCode, Status
from mpzswap.device.check import Descriptor
from mpzswap.device.counters import read_injected
from mpzswap.device.faults import FaultyEngine, Injector
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.descriptor import DecomprFlag
from mpzswap.ring.memory import AddressSpace
from mpzswap.topology.faults import Kind
from mpzswap.topology.model import Device, WorkQueue
from tests.tools.descriptors import DECOMPRESS_FLAGS, NOOP, asking
from tests.tools.device_rig import HANDLE, MAX_TRANSFER_SIZE, DeviceRig, device_rig
from tests.tools.eventfd import raised
from tests.tools.zswap_rig import text

PAGE = text(1)
SOURCE, TARGET = 1, 2
VERIFY_FLAGS = int(DECOMPRESS_FLAGS | DecomprFlag.SUPPRESS_OUTPUT)
NOTHING = (0,) * 7


@contextmanager
def faulty_rig(*faults: str) -> Iterator[tuple[DeviceRig, memoryview]]:
    """Give a rig whose engine has *faults*, and the words that count them."""
    queues = tuple(WorkQueue(name=name, size=8) for name in ("a", "b"))
    device = Device(name="iax0", wqs=queues, faults=faults)
    words = memoryview(bytearray(8 * len(Kind))).cast("Q")
    with device_rig() as rig:
        rig.engine = FaultyEngine(
            rig.codec,
            MAX_TRANSFER_SIZE,
            rig.clock,
            rig.counters,
            Injector(device, words),
        )
        yield rig, words


def engine_of(rig: DeviceRig) -> FaultyEngine:
    """Give the engine as what it is."""
    assert isinstance(rig.engine, FaultyEngine)
    return rig.engine


def compress(rig: DeviceRig, **changes: int) -> Descriptor:
    """Give a descriptor that compresses the page."""
    rig.put(SOURCE, PAGE)
    return rig.compress(SOURCE, TARGET, **changes)


def decompress(rig: DeviceRig, **changes: int) -> Descriptor:
    """Give a descriptor that decompresses the page."""
    stream = rig.codec.compress(memoryview(PAGE))
    rig.put(SOURCE, stream)
    return rig.decompress(SOURCE, TARGET, src1_size=len(stream), **changes)


def verify(rig: DeviceRig) -> Descriptor:
    """Give a descriptor that decompresses the page, without output."""
    return decompress(rig, compr_flags=VERIFY_FLAGS)


ASKED = {"compress": compress, "decompress": decompress, "verify": verify}


def right(op: str) -> tuple[int, bytes, int]:
    """Give what the record and the target have where nothing goes wrong."""
    with device_rig() as healthy:
        completion = healthy.run(ASKED[op](healthy))
        output = healthy.get(TARGET, completion.output_size)
    assert completion.status == Status.SUCCESS
    return completion.output_size, output, completion.crc


@pytest.mark.parametrize("op", ["compress", "decompress"])
def test_wrong_data_is_told_by_nothing_in_the_record(op: str) -> None:
    """Bytes of the output differ; status, size and CRC are those of the right ones."""
    with faulty_rig("wrong_data") as (rig, words):
        completion = rig.run(ASKED[op](rig))
        output = rig.get(TARGET, completion.output_size)
    size, wanted, crc = right(op)

    assert completion.status == Status.SUCCESS
    assert (completion.output_size, completion.crc) == (size, crc)
    assert output != wanted
    assert sum(a != b for a, b in zip(output, wanted, strict=True)) <= 4
    assert read_injected(words) == {"wrong_data": 1}


@pytest.mark.parametrize("op", ["compress", "decompress"])
def test_truncated_output_is_called_whole(op: str) -> None:
    """Half of it is there, and half the size is said."""
    with faulty_rig("truncated") as (rig, words):
        rig.put(TARGET, b"\xee" * PAGE_SIZE)
        completion = rig.run(ASKED[op](rig))
        output = rig.get(TARGET)
    size, wanted, crc = right(op)

    assert completion.status == Status.SUCCESS
    assert (completion.output_size, completion.crc) == (size // 2, crc)
    assert output[: size // 2] == wanted[: size // 2]
    assert output[size // 2 : size] == bytes(size - size // 2)
    assert read_injected(words) == {"truncated": 1}


@pytest.mark.parametrize("kind", ["wrong_data", "truncated"])
def test_without_output_there_is_nothing_to_damage(kind: str) -> None:
    """It is not counted, nor does it use up a count."""
    with faulty_rig(f"{kind}:count=1") as (rig, words):
        size, _, crc = right("verify")
        completion = rig.run(verify(rig))
        assert (completion.output_size, completion.crc) == (size, crc)
        too_small = rig.run(compress(rig, max_dst_size=8))
        assert too_small.error_code == ErrorCode.COMP_BUF_OVERFLOW
        assert read_injected(words) == {}
        rig.run(decompress(rig))

        assert read_injected(words) == {kind: 1}


@pytest.mark.parametrize(
    ("fault", "op", "answer"),
    [
        ("watchdog", "compress", (Status.WATCHDOG, 0)),
        ("hw_error", "verify", (Status.HW_ERR1, 0)),
        ("status:code=PRS_TIMEOUT", "decompress", (Status.PRS_TIMEOUT, 0)),
        (
            "output_overflow",
            "compress",
            (Status.ANALYTICS_ERROR, ErrorCode.COMP_BUF_OVERFLOW),
        ),
        ("output_overflow", "decompress", (Status.OUTBUF_OVERFLOW, 0)),
        ("output_overflow", "verify", (Status.OUTBUF_OVERFLOW, 0)),
    ],
)
def test_error_is_answered_in_place_of_the_work(
    fault: str, op: str, answer: tuple[int, int]
) -> None:
    """Its output is not touched; the error is counted as any."""
    with faulty_rig(fault) as (rig, words):
        rig.put(TARGET, b"\xee" * PAGE_SIZE)
        completion = rig.run(ASKED[op](rig))

        assert (completion.status, completion.error_code) == answer
        assert completion.output_size == 0
        assert rig.get(TARGET) == b"\xee" * PAGE_SIZE
        assert rig.counters.errors == rig.counters.descriptors == 1
        assert read_injected(words) == {fault.partition(":")[0]: 1}


@pytest.mark.parametrize("op", ASKED)
def test_page_fault_leaves_half_of_the_output(op: str) -> None:
    """It says where it was, and how much of the input is done."""
    with faulty_rig("page_fault") as (rig, words):
        descriptor = ASKED[op](rig)
        rig.put(TARGET, b"\xee" * PAGE_SIZE)
        completion = rig.run(descriptor)
        output = rig.get(TARGET)
        done = descriptor.src1_size // 2
        fault_addr = descriptor.src1_addr + done
        if op == "decompress":
            fault_addr = descriptor.dst_addr + PAGE_SIZE // 2
    size, wanted, _ = right(op)

    assert completion.status == Status.PAGE_FAULT_IR
    assert (completion.bytes_completed, completion.fault_addr) == (done, fault_addr)
    if op == "verify":
        assert output == b"\xee" * PAGE_SIZE
    else:
        assert output[: size // 2] == wanted[: size // 2]
        assert output[size // 2 : size] == bytes(size - size // 2)
    assert read_injected(words) == {"page_fault": 1}


def test_lost_answer_is_never_written() -> None:
    """Nor is an interrupt raised; the device goes on."""
    with faulty_rig("lost:count=1") as (rig, words):
        first = asking(compress(rig), HANDLE)
        second = first._replace(completion_addr=rig.record_at(1))
        rig.run(first, second)

        assert rig.completion(0) == NOTHING
        assert rig.completion(1).status == Status.SUCCESS
        assert raised(rig.eventfd) == 1
        assert rig.counters.descriptors == 1
        assert read_injected(words) == {"lost": 1}


def test_late_answer_is_written_when_it_is_due() -> None:
    """Others are answered meanwhile; its stamps say how long it took."""
    with faulty_rig("late:delay=5ms,count=1") as (rig, words):
        first = asking(compress(rig), HANDLE)
        second = first._replace(completion_addr=rig.record_at(1))
        rig.run(first, second)
        assert [rig.completion(n).status for n in (0, 1)] == [0, 1]
        assert engine_of(rig).next_due_ns() == rig.clock.ns + 5_000_000
        taken_ns = rig.clock.ns
        rig.clock.ns += 4_999_999
        engine_of(rig).write_late(rig.clock.ns)
        assert rig.completion(0).status == 0
        rig.clock.ns += 1
        engine_of(rig).write_late(rig.clock.ns)

        assert rig.completion(0) == rig.completion(1)
        assert int.from_bytes(rig.memory[48:56], "little") == taken_ns
        assert int.from_bytes(rig.memory[56:64], "little") == rig.clock.ns
        assert raised(rig.eventfd) == 2
        assert engine_of(rig).next_due_ns() == math.inf
        assert read_injected(words) == {"late": 1}


def test_answer_comes_twice_in_the_record_of_the_next_descriptor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before that is answered: the record is in use again."""
    with faulty_rig("slow:after=1", "duplicate:count=1") as (rig, words):
        rig.run(asking(compress(rig), HANDLE))
        answer = bytes(rig.memory[:64])
        assert read_injected(words) == {}
        rig.memory[0] = 0
        seen: list[bytes] = []

        def look(_: int) -> None:
            seen.append(bytes(rig.memory[:64]))

        monkeypatch.setattr(rig.clock, "sleep_ns", look)
        rig.clock.ns += 1
        rig.run(decompress(rig))

        assert seen == [answer]
        assert bytes(rig.memory[:64]) != answer
        assert raised(rig.eventfd) == 2
        assert rig.counters.descriptors == 2
        assert read_injected(words) == {"slow": 1, "duplicate": 1}


def test_answer_comes_twice_and_not_more_often() -> None:
    """Each is for the descriptor after it."""
    with faulty_rig("duplicate") as (rig, words):
        for _ in range(5):
            rig.run(compress(rig))

        assert read_injected(words) == {"duplicate": 4}


def test_record_of_another_descriptor_is_left_alone() -> None:
    """It may be in use with another device, which writes it at the same time."""
    with faulty_rig("duplicate") as (rig, words):
        rig.run(compress(rig))
        rig.memory[:64] = bytes(64)
        rig.run(compress(rig, completion_addr=rig.record_at(1)))

        assert rig.completion(0) == NOTHING
        assert read_injected(words) == {}


def test_answer_for_a_client_that_left_is_dropped() -> None:
    """Its memory is given back, and nothing is written there."""
    with faulty_rig("late") as (rig, _):
        rig.run(compress(rig))
        before = bytes(rig.memory[:64])
        space, rig.client.space = rig.client.space, AddressSpace()
        rig.clock.ns += 1_000_000_000
        engine_of(rig).write_late(rig.clock.ns)
        rig.client.space = space

        assert bytes(rig.memory[:64]) == before
        assert rig.counters.unreported == 1


def test_slow_engine_takes_longer() -> None:
    """As if the work did: it is busy so long, and others wait."""
    with faulty_rig("slow:delay=3ms,every=2") as (rig, words):
        rig.run(compress(rig), compress(rig))

        assert rig.clock.sleeps == [3_000_000]
        assert rig.counters.busy_ns == 3_000_000
        assert rig.completion(0).status == Status.SUCCESS
        assert read_injected(words) == {"slow": 1}


@pytest.mark.parametrize(
    ("kind", "number"), [("crash", signal.SIGKILL), ("stop", signal.SIGSTOP)]
)
def test_device_ends_after_so_many_descriptors(
    monkeypatch: pytest.MonkeyPatch, kind: str, number: int
) -> None:
    """It sends itself the signal before the work, and is counted before that."""
    with faulty_rig(f"{kind}:after=2") as (rig, words):
        sent: list[tuple[int, int, dict[str, int]]] = []

        def kill(pid: int, signum: int) -> None:
            sent.append((pid, signum, read_injected(words)))

        monkeypatch.setattr(os, "kill", kill)
        rig.run(compress(rig), decompress(rig))
        assert sent == []
        rig.run(compress(rig))

        assert sent == [(os.getpid(), number, {kind: 1})]


def test_fault_of_a_queue_leaves_the_others_alone() -> None:
    """By its name or index."""
    with faulty_rig("watchdog:wq=b") as (rig, _):
        statuses = []
        for wq in (0, 1):
            engine_of(rig).begin(wq)
            statuses.append(rig.run(compress(rig)).status)

        assert statuses == [Status.SUCCESS, Status.WATCHDOG]


@pytest.mark.parametrize("wanted", ASKED)
def test_fault_of_an_operation_leaves_the_others_alone(wanted: str) -> None:
    """A verification is no decompression here."""
    with faulty_rig(f"watchdog:op={wanted}") as (rig, _):
        found = {op: rig.run(ASKED[op](rig)).status for op in ASKED}

        assert [op for op in found if found[op] == Status.WATCHDOG] == [wanted]


def test_descriptor_without_data_has_no_fault() -> None:
    """There is nothing that could go wrong."""
    with faulty_rig("watchdog", "lost") as (rig, words):
        noop = NOOP._replace(completion_addr=rig.record_at(0))

        assert rig.run(noop).status == Status.SUCCESS
        assert read_injected(words) == {}


def test_first_fault_of_the_list_makes_the_answer() -> None:
    """The next one does not see the descriptor, so each is counted for what it did."""
    with faulty_rig("hw_error:every=2", "watchdog:count=1", "wrong_data") as (
        rig,
        words,
    ):
        statuses = [rig.run(compress(rig)).status for _ in range(4)]

        assert statuses == [Status.WATCHDOG, Status.HW_ERR1, 1, Status.HW_ERR1]
        assert read_injected(words) == {"hw_error": 2, "watchdog": 1, "wrong_data": 1}


def test_faults_of_different_steps_meet() -> None:
    """One that is slow, in error and late has all of it."""
    with faulty_rig("slow", "hw_error", "late:delay=1ms") as (rig, words):
        assert rig.run(compress(rig)).status == 0
        rig.clock.ns += 1_000_000
        engine_of(rig).write_late(rig.clock.ns)

        assert rig.completion(0).status == Status.HW_ERR1
        assert read_injected(words) == {"slow": 1, "hw_error": 1, "late": 1}


def test_refused_descriptor_is_refused_as_ever() -> None:
    """What is wrong with it is told, faults or not."""
    with faulty_rig("wrong_data", "truncated") as (rig, words):
        refused = rig.run(compress(rig, src1_size=0))

        assert refused.status == Status.INVALID_SIZE
        assert read_injected(words) == {}
