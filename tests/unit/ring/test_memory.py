"""Segments are sealed and lent; addresses name what lies inside, and no more."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpzswap.errors import ClosedError, MpzswapError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.memory import (
    OFFSET_BITS,
    AddressSpace,
    Frames,
    Segment,
    address,
    split,
)

NUMBER = 7


@pytest.fixture
def segment() -> Iterator[Segment]:
    """Give a segment of four pages."""
    segment = Segment.create(NUMBER, 4 * PAGE_SIZE)
    yield segment
    segment.close()


@pytest.fixture
def space(segment: Segment) -> AddressSpace:
    """Give an address space with that segment and no other."""
    space = AddressSpace()
    space.add(segment)
    return space


def nr_open_descriptors() -> int:
    """Give how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(
    ("asked", "had"), [(0, 1), (1, 1), (PAGE_SIZE, 1), (PAGE_SIZE + 1, 2)]
)
def test_size_is_rounded_up_to_pages(asked: int, had: int) -> None:
    """A segment is whole pages, one at least."""
    segment = Segment.create(NUMBER, asked)

    assert segment.size == len(segment.memory) == had * PAGE_SIZE
    segment.close()


def test_new_segment_is_zero(segment: Segment) -> None:
    """What nobody wrote is zero."""
    assert bytes(segment.memory) == bytes(4 * PAGE_SIZE)


@pytest.mark.parametrize("size", [0, PAGE_SIZE, 8 * PAGE_SIZE])
def test_size_is_sealed(segment: Segment, size: int) -> None:
    """Nobody who has the descriptor can cut the memory from under a mapping."""
    with pytest.raises(PermissionError):
        os.ftruncate(segment.fd, size)


def test_memory_that_cannot_be_had_is_refused() -> None:
    """The message tells the size; the descriptor is not left open."""
    before = nr_open_descriptors()

    with pytest.raises(MpzswapError, match=f"{1 << 60} bytes, must be up to"):
        Segment.create(NUMBER, 1 << 60)
    assert nr_open_descriptors() == before


def test_two_mappings_see_the_same_bytes(segment: Segment) -> None:
    """What one side writes the other reads, both ways; the size is the memfd's."""
    other = Segment.map(NUMBER, os.dup(segment.fd))
    segment.memory[5] = 55
    other.memory[6] = 66

    assert other.size == segment.size
    assert (other.memory[5], segment.memory[6]) == (55, 66)
    other.close()


def test_closed_segment_lends_nothing() -> None:
    """Every way to its memory is refused by its number."""
    segment = Segment.create(NUMBER, PAGE_SIZE)
    segment.close()

    with pytest.raises(ClosedError, match="segment 7"):
        _ = segment.memory
    with pytest.raises(ClosedError, match="segment 7"):
        segment.words(0, 1)
    with pytest.raises(ClosedError, match="segment 7"):
        segment.frames(0, 1)
    with pytest.raises(ClosedError, match="segment 7"):
        segment.prefault()


def test_closing_twice_closes_once(segment: Segment) -> None:
    """A descriptor that was closed may be another's by now."""
    segment.close()
    taken = os.dup(0)
    segment.close()

    os.fstat(taken)
    os.close(taken)


def test_close_gives_all_descriptors_back() -> None:
    """Nothing stays open, the mapping's own copy neither."""
    before = nr_open_descriptors()
    segment = Segment.create(NUMBER, PAGE_SIZE)
    segment.close()

    assert nr_open_descriptors() == before


def test_lent_array_stays_valid_after_close() -> None:
    """The mapping goes with the last view of it."""
    segment = Segment.create(NUMBER, PAGE_SIZE)
    frames = segment.frames(0, 1)
    frames.array[0, 0] = 9
    segment.close()
    frames.array[0, 1] = 10

    assert frames.array[0, :2].tolist() == [9, 10]


def test_words_are_eight_bytes_little_endian(segment: Segment) -> None:
    """A word lent at an offset is those bytes of the segment."""
    words = segment.words(64, 2)
    words[1] = 0x0102030405060708

    assert len(words) == 2
    assert bytes(segment.memory[72:80]) == bytes([8, 7, 6, 5, 4, 3, 2, 1])


def test_frames_are_pages_with_addresses(segment: Segment) -> None:
    """Frame i is page i from the offset on, by view and by address."""
    frames = segment.frames(PAGE_SIZE, 3)
    frames.array[2, 0] = 77

    assert len(frames) == 3
    assert frames.array.shape == (3, PAGE_SIZE)
    assert frames.views[2][0] == segment.memory[3 * PAGE_SIZE] == 77
    assert split(frames.address_of(2)) == (NUMBER, 3 * PAGE_SIZE)


def test_part_of_frames_is_the_same_memory(segment: Segment) -> None:
    """A part has its own first frame, and that frame's address."""
    frames = segment.frames(0, 4)
    part = frames.part(1, 2)
    part.views[0][0] = 11

    assert len(part) == 2
    assert part.address == frames.address_of(1)
    assert frames.array[1, 0] == 11


def test_prefault_changes_no_byte(segment: Segment) -> None:
    """Faults are taken early, contents stay; a part need not begin at a page."""
    segment.memory[:3] = b"abc"
    segment.prefault()
    segment.prefault(PAGE_SIZE + 100, 200)

    assert bytes(segment.memory[:4]) == b"abc\0"


@given(
    number=st.integers(0, (1 << 24) - 1), offset=st.integers(0, (1 << OFFSET_BITS) - 1)
)
def test_address_comes_apart_again(number: int, offset: int) -> None:
    """Every segment and offset has an address of 64 bits, and it alone."""
    device_address = address(number, offset)

    assert 0 <= device_address < 1 << 64
    assert split(device_address) == (number, offset)


def test_address_resolves_to_its_bytes(space: AddressSpace, segment: Segment) -> None:
    """The view is the segment's own memory, to read and to write."""
    view = space.resolve(address(NUMBER, 100), 3)
    assert view is not None
    view[:] = b"xyz"

    assert bytes(segment.memory[99:104]) == b"\0xyz\0"


@pytest.mark.parametrize(
    ("offset", "size"),
    [
        (0, 4 * PAGE_SIZE),
        (4 * PAGE_SIZE - 1, 1),
        (3 * PAGE_SIZE, PAGE_SIZE),
    ],
)
def test_last_byte_can_be_reached(
    space: AddressSpace, *, offset: int, size: int
) -> None:
    """What ends with the segment is inside."""
    view = space.resolve(address(NUMBER, offset), size)

    assert view is not None
    assert len(view) == size


@pytest.mark.parametrize(
    ("offset", "size"),
    [
        (0, 4 * PAGE_SIZE + 1),
        (1, 4 * PAGE_SIZE),
        (4 * PAGE_SIZE - 1, 2),
        (4 * PAGE_SIZE, 1),
        ((1 << OFFSET_BITS) - 1, 1),
        (0, 1 << 32),
        (0, 1 << 64),
    ],
)
def test_one_byte_past_the_end_is_outside(
    space: AddressSpace, *, offset: int, size: int
) -> None:
    """Nothing is given where only a part lies inside."""
    assert space.resolve(address(NUMBER, offset), size) is None


@pytest.mark.parametrize("number", [0, NUMBER - 1, NUMBER + 1, (1 << 24) - 1])
def test_unknown_segment_is_outside(space: AddressSpace, number: int) -> None:
    """Only what was added can be named."""
    assert space.resolve(address(number, 0), 1) is None


def test_removed_segment_is_outside(space: AddressSpace, segment: Segment) -> None:
    """It is given back, and can be named no more."""
    assert space.remove(NUMBER) is segment
    assert space.resolve(address(NUMBER, 0), 1) is None


def test_close_closes_every_segment() -> None:
    """The space had the last hold on them."""
    segments = [Segment.create(number, 1) for number in (1, 2)]
    space = AddressSpace()
    for segment in segments:
        space.add(segment)
    space.close()

    assert space.resolve(address(1, 0), 1) is None
    for segment in segments:
        with pytest.raises(ClosedError):
            _ = segment.memory


def test_array_in_a_segment_has_an_address(
    space: AddressSpace, segment: Segment
) -> None:
    """Of its first byte, wherever in the segment that is."""
    other = Segment.create(NUMBER + 1, 2 * PAGE_SIZE)
    space.add(other)
    frames, others = segment.frames(0, 4), other.frames(0, 2)

    assert space.address_of(frames.array) == address(NUMBER, 0)
    assert space.address_of(frames.array[1:3]) == address(NUMBER, PAGE_SIZE)
    assert space.address_of(frames.array[3:]) == address(NUMBER, 3 * PAGE_SIZE)
    assert space.address_of(others.array[1:]) == address(NUMBER + 1, PAGE_SIZE)
    other.close()


def test_array_elsewhere_has_no_address(space: AddressSpace) -> None:
    """Memory that devices do not map cannot be named."""
    assert space.address_of(np.zeros((2, PAGE_SIZE), np.uint8)) is None


def test_array_of_another_mapping_has_no_address(
    space: AddressSpace, segment: Segment
) -> None:
    """The same bytes, but where they lie is not in the space."""
    other = Segment.map(NUMBER, os.dup(segment.fd))

    assert space.address_of(other.frames(0, 1).array) is None
    other.close()


@pytest.mark.parametrize(
    "part",
    [np.s_[::2], np.s_[::-1], np.s_[:, : PAGE_SIZE // 2]],
    ids=["every second", "backwards", "half pages"],
)
def test_array_with_gaps_has_no_address(
    space: AddressSpace, segment: Segment, *, part: slice | tuple[slice, slice]
) -> None:
    """Whoever goes on from the address would read other pages than are meant."""
    frames = segment.frames(0, 4)

    assert space.address_of(frames.array[part]) is None


def test_frames_of_plain_memory_have_views() -> None:
    """Frames do not ask where their memory comes from."""
    frames = Frames(np.zeros((2, PAGE_SIZE), np.uint8), address(3, 0))
    frames.views[1][0] = 1

    assert frames.array[1, 0] == 1
