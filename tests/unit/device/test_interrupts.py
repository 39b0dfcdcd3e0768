"""An interrupt comes with each answer that asked for one, to whom it belongs."""

import os
import random
from collections.abc import Iterator

import pytest

from mpzswap.completion.status import Status
from mpzswap.device.check import Descriptor
from mpzswap.device.client import Client
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.descriptor import Flag, Opcode
from mpzswap.ring.memory import Segment
from tests.tools.descriptors import NOOP, PASID, asking, packed, word
from tests.tools.device_rig import HANDLE, NUMBER, DeviceRig, device_rig
from tests.tools.eventfd import new_eventfd, raised

RECORDS_IN_A_PAGE = 64
# A flag that the device does not have.
UNKNOWN = Flag.CRAV | Flag.RD_SRC2_AECS


@pytest.fixture
def rig() -> Iterator[DeviceRig]:
    """Give a rig with interrupt ``HANDLE``."""
    with device_rig() as rig:
        yield rig


@pytest.fixture
def second() -> Iterator[int]:
    """Give an eventfd beside that of the rig."""
    with new_eventfd() as eventfd:
        yield eventfd


def noop(rig: DeviceRig, record: int = 0) -> Descriptor:
    """Give a descriptor that only answers."""
    return NOOP._replace(completion_addr=rig.record_at(record))


def test_completion_raises_the_interrupt_that_was_asked_for(rig: DeviceRig) -> None:
    """Once, and the work is done as without."""
    answer = rig.run(asking(rig.compress(1, 2), HANDLE))

    assert answer.status == Status.SUCCESS
    assert raised(rig.eventfd) == rig.counters.interrupts == 1


def test_completion_without_the_flag_raises_nothing(rig: DeviceRig) -> None:
    """Whoever polls is not disturbed."""
    rig.run(rig.compress(1, 2), noop(rig, 1))

    assert raised(rig.eventfd) == rig.counters.interrupts == 0


def test_every_completion_raises_one(rig: DeviceRig) -> None:
    """None is merged with another, and those that asked for none add none."""
    records = range(RECORDS_IN_A_PAGE)
    asked = [asking(noop(rig, record), HANDLE) for record in records]
    rig.run(*asked, noop(rig), noop(rig))

    assert raised(rig.eventfd) == rig.counters.interrupts == RECORDS_IN_A_PAGE


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"flags_opcode": word(0x50)}, Status.BAD_OPCODE),
        ({"flags_opcode": word(Opcode.COMPRESS, UNKNOWN)}, Status.INVALID_FLAGS),
        ({"pasid_priv": PASID + 1}, Status.PRIV_BAD),
        ({"src1_size": 0}, Status.INVALID_SIZE),
        ({"src1_addr": 0}, Status.PAGE_FAULT_IR),
    ],
    ids=["opcode", "flags", "pasid", "size", "fault"],
)
def test_error_raises_the_interrupt_too(
    rig: DeviceRig, changes: dict[str, int], status: Status
) -> None:
    """Whoever waits for the completion would wait in vain otherwise."""
    answer = rig.run(asking(rig.compress(1, 2, **changes), HANDLE))

    assert answer.status == status
    assert raised(rig.eventfd) == 1


@pytest.mark.parametrize("int_handle", [0, HANDLE + 1])
def test_unknown_interrupt_is_answered_by_polling_alone(
    rig: DeviceRig, int_handle: int
) -> None:
    """The record says what was wrong; there is nothing to raise."""
    answer = rig.run(asking(rig.compress(1, 2), int_handle))

    assert answer.status == Status.INT_HANDLE_INVAL
    assert raised(rig.eventfd) == rig.counters.interrupts == 0


def test_handle_without_the_flag_raises_nothing(rig: DeviceRig) -> None:
    """It is refused, and not taken for a wish."""
    answer = rig.run(rig.compress(1, 2, int_handle=HANDLE))

    assert answer.status == Status.INT_HANDLE_INVAL
    assert raised(rig.eventfd) == 0


def test_nowhere_to_answer_raises_nothing(rig: DeviceRig) -> None:
    """There is no completion to tell of."""
    rig.run(asking(rig.compress(1, 2, completion_addr=1), HANDLE))

    assert rig.counters.unreported == 1
    assert raised(rig.eventfd) == rig.counters.interrupts == 0


def test_status_is_there_before_the_interrupt(
    rig: DeviceRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is woken sees the answer; the next comes with an interrupt of its own."""
    seen: list[list[int]] = []
    write = os.eventfd_write

    def look_and_write(eventfd: int, value: int) -> None:
        seen.append([rig.completion(record).status for record in range(2)])
        write(eventfd, value)

    monkeypatch.setattr(os, "eventfd_write", look_and_write)
    rig.run(*(asking(noop(rig, record), HANDLE) for record in range(2)))

    assert seen == [[Status.SUCCESS, Status.NONE], [Status.SUCCESS] * 2]


def test_submitters_of_a_process_have_an_interrupt_each(
    rig: DeviceRig, second: int
) -> None:
    """By their handles; that of the other stays quiet."""
    rig.client.attach(Segment.create(NUMBER + 1, PAGE_SIZE))
    rig.client.add_interrupt(NUMBER + 1, HANDLE + 1, os.dup(second))
    rig.run(*(asking(noop(rig), handle) for handle in (HANDLE, HANDLE + 1, HANDLE + 1)))
    rig.client.detach(NUMBER + 1)

    assert (raised(rig.eventfd), raised(second)) == (1, 2)


def test_same_handle_of_two_processes_is_two_interrupts(
    rig: DeviceRig, second: int
) -> None:
    """Each raises its own."""
    other = Client(PASID, rig.client.space, {HANDLE: second})
    rig.engine.run(packed(asking(noop(rig), HANDLE)), other)

    assert (raised(rig.eventfd), raised(second)) == (0, 1)


def test_interrupt_that_cannot_be_raised_harms_nobody_else(
    rig: DeviceRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its descriptor is answered, the next is refused, others are served."""

    def fail(*_: int) -> None:
        raise OSError

    monkeypatch.setattr(os, "eventfd_write", fail)
    asked = [asking(noop(rig, record), HANDLE) for record in range(2)]
    rig.run(*asked, noop(rig, 2))
    statuses = [rig.completion(record).status for record in range(3)]

    assert statuses == [Status.SUCCESS, Status.INT_HANDLE_INVAL, Status.SUCCESS]
    assert rig.counters.interrupts == 0


def mutated(rig: DeviceRig, choice: random.Random) -> Descriptor:
    """Give a descriptor with flags, opcode, handle and addresses made up."""
    flags = choice.choice([Flag.CRAV, Flag.CRAV, Flag.RCR, UNKNOWN])
    flags |= choice.choice([Flag.RCI, Flag.RCI, Flag.RCR])
    handles = [0, HANDLE - 1, HANDLE, HANDLE + 1, HANDLE + 2, choice.getrandbits(16)]
    descriptor = rig.compress(1, 2)
    return descriptor._replace(
        flags_opcode=word(choice.choice([0, 3, 0x42, 0x43]), flags),
        int_handle=choice.choice(handles),
        completion_addr=rig.record_at(0) + choice.choice([0, 0, 0, 1]),
        pasid_priv=choice.choice([PASID, PASID, PASID + 1]),
        dst_addr=choice.choice([descriptor.dst_addr, descriptor.src1_addr, 0]),
    )


def wished(descriptor: Descriptor, interrupts: dict[int, int]) -> int | None:
    """Give the eventfd that *descriptor* should raise, by the rules."""
    asked = descriptor.flags_opcode & Flag.RCI
    answered = descriptor.completion_addr % 64 == 0
    answered &= bool(descriptor.flags_opcode & Flag.CRAV)
    return interrupts.get(descriptor.int_handle) if asked and answered else None


@pytest.mark.parametrize("seed", range(4))
def test_mutated_descriptors_raise_only_what_they_ask_for(
    rig: DeviceRig, second: int, seed: int
) -> None:
    """Hundreds of each seed, of two processes; one has two of three interrupts."""
    choice = random.Random(seed)
    with new_eventfd() as third:
        clients = [
            Client(PASID, rig.client.space, {HANDLE: rig.eventfd, HANDLE + 1: second}),
            Client(PASID + 1, rig.client.space, {HANDLE: third}),
        ]
        for _ in range(800):
            client = choice.choice(clients)
            descriptor = mutated(rig, choice)
            rig.engine.run(packed(descriptor), client)
            wish = wished(descriptor, client.interrupts)

            for eventfd in (rig.eventfd, second, third):
                assert raised(eventfd) == (eventfd == wish), descriptor
    assert rig.counters.interrupts > 50
