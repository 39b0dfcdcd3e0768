"""A descriptor that cannot be run is refused with the status that says why."""

import pytest

from mpzswap.completion.status import Status
from mpzswap.device.check import Descriptor, Refusal, find_refusal
from mpzswap.device.client import Client
from mpzswap.ring.descriptor import FIELDS, Flag, Opcode
from tests.tools.descriptors import COMPRESS, DECOMPRESS, NOOP, PASID, asking, word

MAX_TRANSFER_SIZE = 0x10_0000
GOOD = {"compress": COMPRESS, "decompress": DECOMPRESS, "noop": NOOP}
HANDLE = 9
# A check looks which handles there are, and raises nothing.
CLIENT = Client(PASID, interrupts={HANDLE: -1})
DATA = {"compress": COMPRESS, "decompress": DECOMPRESS}


def refusal_of(descriptor: Descriptor, client: Client = CLIENT) -> Refusal | None:
    """Give what a device with transfers of 1 MiB at most has against it."""
    return find_refusal(descriptor, client, MAX_TRANSFER_SIZE)


def status_of(descriptor: Descriptor, **changes: int) -> Status | None:
    """Give the status with which *descriptor*, changed, is refused."""
    refusal = refusal_of(descriptor._replace(**changes))
    return None if refusal is None else refusal.status


def over_all(cases: dict[str, Descriptor]) -> pytest.MarkDecorator:
    """Run a test once for each of *cases*."""
    return pytest.mark.parametrize("good", list(cases.values()), ids=list(cases))


def test_fields_are_those_of_the_wire() -> None:
    """The tuple has the table's names, in its order."""
    assert Descriptor._fields == tuple(field.name for field in FIELDS)


@over_all(GOOD)
def test_good_descriptor_is_not_refused(good: Descriptor) -> None:
    """There is nothing against it."""
    assert refusal_of(good) is None


@pytest.mark.parametrize("pasid_priv", [0, PASID + 1, PASID | 1 << 31, PASID | 1 << 20])
@over_all(GOOD)
def test_other_pasid_is_refused(good: Descriptor, pasid_priv: int) -> None:
    """A submitter speaks for itself, and is not privileged."""
    assert status_of(good, pasid_priv=pasid_priv) is Status.PRIV_BAD


def test_pasid_has_twenty_bits() -> None:
    """A larger number is known to the device by its low bits."""
    descriptor = COMPRESS._replace(pasid_priv=0xFFFFF)

    assert refusal_of(descriptor, Client(0xFFFFFFFF)) is None


@pytest.mark.parametrize("flag", [Flag.RD_SRC2_AECS, 0x40000, 0x20, 0x800000], ids=hex)
@over_all(GOOD)
def test_flag_that_is_not_emulated_is_refused_by_its_bit(
    good: Descriptor, flag: int
) -> None:
    """The record tells which flags were wrong, and only those."""
    opcode = good.flags_opcode >> 24
    flags = Flag.CRAV | flag
    refusal = refusal_of(good._replace(flags_opcode=word(opcode, flags)))

    assert refusal == Refusal(Status.INVALID_FLAGS, invalid_flags=int(flag))


@pytest.mark.parametrize("flag", [Flag.FENCE, Flag.BLOCK_ON_FAULT, Flag.CACHE_CONTROL])
def test_flag_that_changes_nothing_here_is_taken(flag: Flag) -> None:
    """What the kernel's driver sets is not refused."""
    opcode = Opcode.COMPRESS

    assert status_of(COMPRESS, flags_opcode=word(opcode, Flag.CRAV | flag)) is None


@over_all(GOOD)
def test_interrupt_of_the_pasid_can_be_asked_for(good: Descriptor) -> None:
    """Its handle and the flag together."""
    assert refusal_of(asking(good, HANDLE)) is None


@pytest.mark.parametrize("int_handle", [0, HANDLE - 1, HANDLE + 1, 0xFFFF])
@over_all(GOOD)
def test_interrupt_that_is_not_there_is_refused(
    good: Descriptor, int_handle: int
) -> None:
    """None of all handles but those of the pasid; 0 is no handle."""
    assert refusal_of(asking(good, int_handle)) == Refusal(Status.INT_HANDLE_INVAL)


@pytest.mark.parametrize("int_handle", [1, HANDLE])
@over_all(GOOD)
def test_handle_without_the_flag_is_refused(good: Descriptor, int_handle: int) -> None:
    """Also the right one: an interrupt that is not wanted may not be named."""
    assert status_of(good, int_handle=int_handle) is Status.INT_HANDLE_INVAL


def test_interrupt_of_another_pasid_is_refused() -> None:
    """Handles mean something in their own process alone."""
    other = Client(PASID, interrupts={HANDLE + 1: -1})

    assert refusal_of(asking(COMPRESS, HANDLE), other) is not None
    assert refusal_of(asking(COMPRESS, HANDLE + 1), other) is None


@pytest.mark.parametrize("opcode", [0x01, 0x03, 0x41, 0x44, 0x50, 0xFF], ids=hex)
def test_other_opcode_is_refused(opcode: int) -> None:
    """Also what a real IAA does beyond compression."""
    assert status_of(COMPRESS, flags_opcode=word(opcode)) is Status.BAD_OPCODE


@pytest.mark.parametrize("opcode", [Opcode.NOOP, Opcode.DRAIN])
def test_descriptor_without_data_has_no_data_checked(opcode: Opcode) -> None:
    """Its other fields mean nothing."""
    changes = {"src1_size": 0, "src2_addr": 1, "compr_flags": 0xFFFF}

    assert status_of(COMPRESS, flags_opcode=word(opcode), **changes) is None


@pytest.mark.parametrize(
    ("good", "flag"),
    [(COMPRESS, 0x1), (COMPRESS, 0x8), (COMPRESS, 0x200), (DECOMPRESS, 0x10)],
)
def test_unknown_operation_flag_is_refused_by_its_bit(
    good: Descriptor, flag: int
) -> None:
    """Compression has other flags than decompression."""
    refusal = refusal_of(good._replace(compr_flags=good.compr_flags | flag))

    assert refusal == Refusal(Status.INVALID_COMP_FLAG, invalid_flags=flag)


@pytest.mark.parametrize(
    "field", ["src2_addr", "src2_size", "filter_flags", "num_inputs"]
)
@over_all(DATA)
def test_reserved_field_must_be_zero(good: Descriptor, field: str) -> None:
    """What is never read may not ask for anything."""
    assert status_of(good, **{field: 1}) is Status.NOZERO_RESERVE


@pytest.mark.parametrize("size", [0, MAX_TRANSFER_SIZE + 1, 0xFFFF_FFFF])
@pytest.mark.parametrize("field", ["src1_size", "max_dst_size"])
@over_all(DATA)
def test_size_out_of_range_is_refused(good: Descriptor, field: str, size: int) -> None:
    """Nothing is no input, and a device has its longest transfer."""
    assert status_of(good, **{field: size}) is Status.INVALID_SIZE


@over_all(DATA)
def test_longest_transfer_is_taken(good: Descriptor) -> None:
    """The limit itself is inside."""
    changes = {"src1_size": MAX_TRANSFER_SIZE, "max_dst_size": MAX_TRANSFER_SIZE}

    assert status_of(good, dst_addr=1 << 40, **changes) is None


@pytest.mark.parametrize(
    ("dst_addr", "max_dst_size"),
    [
        (0x1000, 0x1000),
        (0x1FFF, 0x1000),
        (0x0001, 0x1000),
        (0x0800, 0x2000),
        (0x1800, 1),
    ],
    ids=["same", "last byte", "first byte", "around", "within"],
)
@over_all(DATA)
def test_overlapping_buffers_are_refused(
    good: Descriptor, dst_addr: int, max_dst_size: int
) -> None:
    """The source is 0x1000 to 0x1fff; one common byte is too many."""
    changes = {"dst_addr": dst_addr, "max_dst_size": max_dst_size}

    assert status_of(good, **changes) is Status.OVERLAP_BUFFERS


@pytest.mark.parametrize("dst_addr", [0x2000, 0x0000])
def test_touching_buffers_are_taken(dst_addr: int) -> None:
    """One ends where the other begins."""
    assert status_of(COMPRESS, dst_addr=dst_addr) is None
