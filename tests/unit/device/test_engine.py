"""The engine does what a descriptor says, answers, and touches nothing else."""

import random
import zlib
from collections.abc import Iterator

import pytest

from mpzswap.codec.table import CODECS
from mpzswap.completion.status import ErrorCode, Status
from mpzswap.device.check import Descriptor
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.descriptor import DecomprFlag, Flag, Opcode
from mpzswap.ring.memory import address
from tests.tools.descriptors import COMPRESS, DECOMPRESS, NOOP, PASID, packed, word
from tests.tools.device_rig import (
    MAX_TRANSFER_SIZE,
    NR_PAGES,
    NUMBER,
    DeviceRig,
    device_rig,
)
from tests.tools.zswap_rig import noise, text

STALE = b"\xee" * PAGE_SIZE
END = NR_PAGES * PAGE_SIZE
COMP_OVERFLOW = (Status.ANALYTICS_ERROR, ErrorCode.COMP_BUF_OVERFLOW)
CORRUPT = (Status.ANALYTICS_ERROR, ErrorCode.CORRUPT_STREAM)


@pytest.fixture(params=CODECS)
def each(request: pytest.FixtureRequest) -> Iterator[DeviceRig]:
    """Give a rig of each codec."""
    with device_rig(request.param) as rig:
        yield rig


@pytest.fixture
def rig() -> Iterator[DeviceRig]:
    """Give a rig of the default codec."""
    with device_rig() as rig:
        yield rig


def with_stream(rig: DeviceRig, page: int, data: bytes) -> int:
    """Put the stream of *data* into a page; give its length."""
    stream = rig.codec.compress(memoryview(data))
    rig.put(page, stream)
    return len(stream)


def test_compress_writes_the_stream(each: DeviceRig) -> None:
    """The codec's own output, as long as the answer says, and nothing behind it."""
    each.put(1, text(1))
    each.put(2, STALE)
    answer = each.run(each.compress(1, 2))
    stream = each.codec.compress(memoryview(text(1)))

    assert answer.status == Status.SUCCESS
    assert answer.output_size == len(stream)
    assert each.get(2) == stream + STALE[len(stream) :]


def test_decompress_writes_the_page(each: DeviceRig) -> None:
    """What was compressed comes back."""
    size = with_stream(each, 1, text(1))
    each.put(2, STALE)
    answer = each.run(each.decompress(1, 2, src1_size=size))

    assert (answer.status, answer.output_size) == (Status.SUCCESS, PAGE_SIZE)
    assert each.get(2) == text(1)


def test_crc_is_that_of_the_uncompressed_side(each: DeviceRig) -> None:
    """Both ways the same, so that one can verify the other."""
    each.put(1, text(1))
    there = each.run(each.compress(1, 2))
    back = each.run(each.decompress(2, 3, src1_size=there.output_size))

    assert there.crc == back.crc == zlib.crc32(text(1))


def test_bytes_completed_are_the_input(rig: DeviceRig) -> None:
    """All of it was read."""
    rig.put(1, text(1))
    there = rig.run(rig.compress(1, 2))
    back = rig.run(rig.decompress(2, 3, src1_size=there.output_size))

    assert there.bytes_completed == PAGE_SIZE
    assert back.bytes_completed == there.output_size


def test_output_that_is_too_long_is_an_overflow(each: DeviceRig) -> None:
    """Nothing is written, not even a part."""
    each.put(1, noise(1))
    each.put(2, STALE)
    answer = each.run(each.compress(1, 2))

    assert answer[:2] == COMP_OVERFLOW
    assert answer.output_size == 0
    assert each.get(2) == STALE


def test_output_that_just_fits_is_written(rig: DeviceRig) -> None:
    """Room for the last byte is enough; one byte less is not."""
    rig.put(1, text(1))
    size = rig.run(rig.compress(1, 2)).output_size

    assert rig.run(rig.compress(1, 3, max_dst_size=size)).status == Status.SUCCESS
    assert rig.get(3, size) == rig.get(2, size)
    assert rig.run(rig.compress(1, 4, max_dst_size=size - 1))[:2] == COMP_OVERFLOW
    assert rig.get(4) == bytes(PAGE_SIZE)


def test_decompressed_data_that_are_too_long_are_an_overflow(each: DeviceRig) -> None:
    """The room is one byte too small; nothing is written."""
    size = with_stream(each, 1, text(1))
    each.put(2, STALE)
    room = PAGE_SIZE - 1
    answer = each.run(each.decompress(1, 2, src1_size=size, max_dst_size=room))

    assert answer.status == Status.OUTBUF_OVERFLOW
    assert each.get(2) == STALE


def test_corrupt_stream_is_an_analytics_error(each: DeviceRig) -> None:
    """What is no stream is not written; the driver falls back."""
    each.put(1, b"\xff" * 100)
    each.put(2, STALE)
    answer = each.run(each.decompress(1, 2, src1_size=100))

    assert answer[:2] == CORRUPT
    assert each.get(2) == STALE


def test_refusal_is_answered_with_its_flags(rig: DeviceRig) -> None:
    """The record has what the check found, and nothing was done."""
    rig.put(1, text(1))
    answer = rig.run(rig.compress(1, 2, compr_flags=0x8006))

    assert answer == (Status.INVALID_COMP_FLAG, 0, 0, 0, 0x8000, 0, 0)
    assert rig.get(2) == bytes(PAGE_SIZE)


@pytest.mark.parametrize("field", ["src1_addr", "dst_addr"])
@pytest.mark.parametrize(
    "bad",
    [
        address(NUMBER, END - PAGE_SIZE + 1),
        address(NUMBER, END),
        address(NUMBER + 1, PAGE_SIZE),
        0,
        2**64 - PAGE_SIZE,
    ],
    ids=["one byte over", "behind", "other segment", "null", "last"],
)
@pytest.mark.parametrize("operation", [COMPRESS, DECOMPRESS], ids=["comp", "decomp"])
def test_address_outside_is_a_page_fault(
    rig: DeviceRig, operation: Descriptor, field: str, bad: int
) -> None:
    """The record tells the address; nothing is written, also inside."""
    rig.put(2, STALE)
    good = rig._filled(operation, 1, 2)
    answer = rig.run(good._replace(**{field: bad}))

    assert (answer.status, answer.fault_addr) == (Status.PAGE_FAULT_IR, bad)
    assert rig.get(2) == STALE


@pytest.mark.parametrize(
    "completion",
    [
        address(NUMBER, 1),
        address(NUMBER, 63),
        address(NUMBER, END),
        address(NUMBER + 1, 0),
        0,
    ],
    ids=["odd", "almost", "behind", "other segment", "null"],
)
def test_bad_completion_address_is_counted_alone(
    rig: DeviceRig, completion: int
) -> None:
    """There is nowhere to answer: nothing is done and nothing is written."""
    rig.put(1, text(1))
    before = bytes(rig.memory)
    rig.run(rig.compress(1, 2, completion_addr=completion))

    assert bytes(rig.memory) == before
    assert rig.counters.unreported == 1
    assert (rig.counters.descriptors, rig.counters.errors) == (0, 0)


@pytest.mark.parametrize("opcode", [Opcode.COMPRESS, Opcode.DECOMPRESS, Opcode.NOOP])
def test_completion_address_that_is_not_said_to_be_valid_is_not_written(
    rig: DeviceRig, opcode: Opcode
) -> None:
    """Without CRAV there is no record, be the address as good as any."""
    before = bytes(rig.memory)
    rig.run(rig.compress(1, 2, flags_opcode=word(opcode, Flag.RCR)))

    assert bytes(rig.memory) == before
    assert rig.counters.unreported == 1


def test_record_in_its_own_output_is_whole(rig: DeviceRig) -> None:
    """It comes last, as in hardware: the output is lost under it, and nowhere else."""
    rig.put(1, noise(1))
    room = rig.page_at(4) - rig.page_at(2)
    record = rig.page_at(2) + 128
    answer = rig.run(rig.compress(1, 2, max_dst_size=room, completion_addr=record))
    stream = rig.codec.compress(memoryview(noise(1)))
    there = rig.completion(2 * PAGE_SIZE // 64 + 2)
    written = bytes(rig.memory[2 * PAGE_SIZE :])[: len(stream)]

    assert answer.status == Status.NONE
    assert (there.status, there.output_size) == (Status.SUCCESS, len(stream))
    assert written[:128] == stream[:128]
    assert written[192:] == stream[192:]


def test_record_in_its_own_input_comes_after_it_was_read(rig: DeviceRig) -> None:
    """What is compressed is what was there before the answer."""
    rig.put(1, text(1))
    rig.run(rig.compress(1, 2, completion_addr=rig.page_at(1)))
    stream = rig.codec.compress(memoryview(text(1)))

    assert rig.get(2, len(stream)) == stream
    assert rig.completion(PAGE_SIZE // 64).crc == zlib.crc32(text(1))


def test_input_that_changes_meanwhile_is_read_once(
    rig: DeviceRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a codec looks at twice is the same twice, and so is what has the CRC."""
    rig.put(1, text(1))
    seen: list[bytes] = []

    def look_twice(data: memoryview) -> bytes:
        seen.append(bytes(data))
        rig.put(1, noise(1))
        seen.append(bytes(data))
        return b"x"

    monkeypatch.setattr(rig.codec, "compress", look_twice)
    answer = rig.run(rig.compress(1, 2))

    assert seen == [text(1)] * 2
    assert answer.crc == zlib.crc32(text(1))


def test_suppressed_output_is_not_written(rig: DeviceRig) -> None:
    """The answer is the same: that is how compression is verified."""
    size = with_stream(rig, 1, text(1))
    rig.put(2, STALE)
    flags = DECOMPRESS.compr_flags | DecomprFlag.SUPPRESS_OUTPUT
    answer = rig.run(rig.decompress(1, 2, src1_size=size, compr_flags=int(flags)))

    assert (answer.status, answer.output_size) == (Status.SUCCESS, PAGE_SIZE)
    assert answer.crc == zlib.crc32(text(1))
    assert rig.get(2) == STALE


@pytest.mark.parametrize("opcode", [Opcode.NOOP, Opcode.DRAIN])
def test_descriptor_without_data_succeeds(rig: DeviceRig, opcode: Opcode) -> None:
    """There is an answer and nothing else."""
    before = bytes(rig.memory)
    noop = NOOP._replace(flags_opcode=word(opcode), completion_addr=rig.record_at(3))
    rig.run(noop)

    assert rig.completion(3).status == Status.SUCCESS
    assert bytes(rig.memory[256:]) == before[256:]


@pytest.mark.parametrize(
    "bad",
    [
        {"pasid_priv": PASID + 1},
        {"src1_size": 0},
        {"src1_addr": 0},
        {"completion_addr": 1},
    ],
    ids=["refused", "size", "fault", "unreported"],
)
def test_bad_descriptor_does_not_disturb_its_neighbours(
    rig: DeviceRig, bad: dict[str, int]
) -> None:
    """The ones before and after it in the burst are done."""
    rig.put(1, text(1))
    rig.run(
        rig.compress(1, 2),
        rig.compress(1, 3, completion_addr=rig.record_at(1))._replace(**bad),
        rig.compress(1, 4, completion_addr=rig.record_at(2)),
    )

    assert rig.completion(0) == rig.completion(2)
    assert rig.completion(0).status == Status.SUCCESS
    assert rig.completion(1).status != Status.SUCCESS
    assert rig.get(2) == rig.get(4)
    assert rig.get(3) == bytes(PAGE_SIZE)


def test_everything_is_counted(rig: DeviceRig) -> None:
    """Answers, errors among them, and the bytes of both sides."""
    rig.put(1, text(1))
    size = rig.run(rig.compress(1, 2)).output_size
    rig.run(rig.decompress(2, 3, src1_size=size), rig.compress(1, 2, src1_size=0))
    counters = rig.counters

    assert (counters.descriptors, counters.errors) == (3, 1)
    assert counters.bytes_in == counters.bytes_out == PAGE_SIZE + size


def test_stamps_are_the_clocks(rig: DeviceRig) -> None:
    """When it was taken and when it was done, on the clock that all share."""
    rig.clock.ns = 123_456_789
    rig.run(rig.compress(1, 2))
    stamps = rig.memory[48:64].cast("Q")

    assert stamps.tolist() == [123_456_789, 123_456_789]


SIZES: tuple[int, ...] = (
    0,
    1,
    63,
    64,
    100,
    PAGE_SIZE - 1,
    PAGE_SIZE,
    PAGE_SIZE + 1,
    3 * PAGE_SIZE,
)
SIZES += (MAX_TRANSFER_SIZE, MAX_TRANSFER_SIZE + 1, 2**31, 2**32 - 1)


def some_address(choice: random.Random) -> int:
    """Give an address: inside, at an edge, or anywhere."""
    near = choice.randrange(END)
    return choice.choice(
        [
            *(address(NUMBER, near), address(NUMBER, near // 64 * 64)),
            address(NUMBER, near // PAGE_SIZE * PAGE_SIZE),
            address(NUMBER, END - choice.choice(SIZES[:8])),
            address(choice.randrange(8), near),
            choice.getrandbits(64),
        ]
    )


def mutated(rig: DeviceRig, choice: random.Random) -> Descriptor:
    """Give a good descriptor with some of its fields made up."""
    make = choice.choice([rig.compress, rig.decompress])
    descriptor = make(*choice.sample(range(1, NR_PAGES), 2))
    values = {
        "completion_addr": some_address(choice),
        "src1_addr": some_address(choice),
        "dst_addr": some_address(choice),
        "src1_size": choice.choice(SIZES),
        "max_dst_size": choice.choice(SIZES),
        "flags_opcode": word(choice.choice([0, 2, 3, 0x42, 0x43, 0xFF])),
        "pasid_priv": choice.getrandbits(32),
        "compr_flags": 1 << choice.randrange(16),
        "src2_addr": choice.getrandbits(64),
    }
    names = choice.sample(sorted(values), choice.choice([0, 1, 1, 2, 3]))
    return descriptor._replace(**{name: values[name] for name in names})


def allowed(rig: DeviceRig, descriptor: Descriptor) -> Iterator[slice]:
    """Give the parts of the segment that *descriptor* lets the engine write."""
    for at, size in (
        (descriptor.completion_addr, 64),
        (descriptor.dst_addr, descriptor.max_dst_size),
    ):
        if rig.client.space.resolve(at, size) is not None:
            offset = at - address(NUMBER, 0)
            yield slice(offset, offset + size)


@pytest.mark.parametrize("seed", range(4))
def test_mutated_descriptors_write_only_where_they_may(
    each: DeviceRig, seed: int
) -> None:
    """Hundreds of each seed: no exception, and no byte outside record and output."""
    choice = random.Random(seed)
    for _ in range(300):
        page = choice.randrange(1, NR_PAGES)
        each.put(page, each.codec.compress(memoryview(text(page)))[:PAGE_SIZE])
        descriptor = mutated(each, choice)
        before = bytearray(each.memory)
        each.run(descriptor)
        after = bytearray(each.memory)
        for part in allowed(each, descriptor):
            after[part] = before[part]

        assert after == before, descriptor


@pytest.mark.parametrize("seed", range(4))
def test_random_descriptors_do_no_harm(rig: DeviceRig, seed: int) -> None:
    """Random bytes are refused or unreported, and change nothing but their record."""
    choice = random.Random(seed)
    burst = b"".join(choice.randbytes(64) for _ in range(1000))
    rig.engine.run(burst, rig.client)

    assert bytes(rig.memory) == bytes(END)
    assert rig.counters.unreported == 1000


@pytest.mark.parametrize("seed", range(4))
def test_random_descriptors_with_an_address_are_answered(
    rig: DeviceRig, seed: int
) -> None:
    """Whatever else is in them, each gets an answer, and an error it is."""
    choice = random.Random(seed)
    for _ in range(500):
        fields = [choice.getrandbits(width) for width in (32, 32, 64, 64, 64)]
        fields += [choice.getrandbits(width) for width in (32, 16, 16, 64)]
        fields += [choice.getrandbits(32) for _ in range(4)]
        descriptor = Descriptor(*fields)._replace(completion_addr=rig.record_at(0))
        descriptor = descriptor._replace(flags_opcode=fields[1] | int(Flag.CRAV))
        answer = rig.run(descriptor)

        assert answer.status not in (Status.NONE, Status.SUCCESS), packed(descriptor)
    assert bytes(rig.memory[64:]) == bytes(END - 64)
