"""
Shared memory: sealed segments, the frames in them, and their device addresses.

    segment 7   | lanes | completion records | buffers ...... |
                ^ offset 0                    ^ frames: N x 4096 bytes

    device address = segment number << 40 | offset in the segment

A segment is a memfd: it has no name in any file system, so no kill leaves one
behind.  Its size is sealed, so that nobody who maps it can get SIGBUS.  Children
receive the file descriptor and map it themselves.

The ``Segment`` owns its mapping and lends views of it.  ``close`` drops ours; the
mapping goes with the last view, so an array that a user still holds stays valid.
"""

import contextlib
import fcntl
import functools
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from mpzswap.errors import ClosedError, MpzswapError
from mpzswap.page.frame import PAGE_SIZE, Pages, page_views

# Ours: 1 TiB a segment, 16 million segments; no descriptor field of the device
# that we emulate says how a virtual address is made.
OFFSET_BITS = 40
OFFSET_MASK = (1 << OFFSET_BITS) - 1

# The number of the machine's own words; those of other segments are above it.
BOARD_SEGMENT = 0

CACHE_LINE_BYTES = 64
WORD_BYTES = 8

# Linux, include/uapi/asm-generic/mman-common.h; since Linux 5.14.
MADV_POPULATE_WRITE = 23

# For its owner alone.
MODE = 0o600
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


@dataclass(frozen=True, eq=False)
class Frames:
    """
    Page frames that lie side by side in a segment.

    *array* is (N, 4096) uint8; *address* is the device address of frame 0.
    """

    array: Pages
    address: int

    def __len__(self) -> int:
        """Give the number of frames."""
        return len(self.array)

    @functools.cached_property
    def views(self) -> tuple[memoryview, ...]:
        """One view a frame, made once: slicing a view each time costs more."""
        return tuple(page_views(self.array))

    @functools.cached_property
    def flat(self) -> memoryview:
        """All of them as bytes, one after the other."""
        return self.array.data.cast("B")

    def address_of(self, index: int) -> int:
        """Give the device address of frame *index*."""
        return self.address + index * PAGE_SIZE

    def addresses(self, first: int, count: int) -> range:
        """Give the device address of each of *count* frames from *first* on."""
        start = self.address_of(first)
        return range(start, start + count * PAGE_SIZE, PAGE_SIZE)

    def part(self, first: int, count: int) -> "Frames":
        """Give the *count* frames from *first* on."""
        return Frames(self.array[first : first + count], self.address_of(first))


class Segment:
    """
    One memfd, mapped; made by ``create`` or, from a received descriptor, ``map``.

    Attributes:
        number: its place in device addresses.
        size: bytes, a multiple of the page size.
        fd: the memfd, to be handed to children.
    """

    def __init__(self, number: int, fd: int, size: int) -> None:
        self.number = number
        self.size = size
        self.fd = fd
        self._map: mmap.mmap | None = mmap.mmap(fd, size)

    @classmethod
    def create(cls, number: int, size: int) -> Self:
        """
        Make a segment of at least *size* bytes, zeroed.

        Raises:
            MpzswapError: the system does not give that much memory.
        """
        size = max(1, -(-size // PAGE_SIZE)) * PAGE_SIZE
        if size > 1 << OFFSET_BITS:
            raise MpzswapError(
                f"shared memory: {size} bytes, must be up to {1 << OFFSET_BITS}"
            )
        with contextlib.ExitStack() as stack, memory_errors(size):
            fd = os.memfd_create("mpzswap", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            stack.callback(os.close, fd)
            # It has a name in /proc/PID/fd, and would be open to all users there.
            os.fchmod(fd, MODE)
            os.ftruncate(fd, size)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
            segment = cls(number, fd, size)
            stack.pop_all()
        return segment

    @classmethod
    def map(cls, number: int, fd: int) -> Self:
        """
        Map a segment that another process made; its size is what *fd* says.

        Raises:
            MpzswapError: the system does not let us.
        """
        size = os.fstat(fd).st_size
        with memory_errors(size):
            return cls(number, fd, size)

    def close(self) -> None:
        """Give back the descriptor and our hold on the mapping."""
        if self._map is not None:
            self._map = None
            os.close(self.fd)

    @property
    def memory(self) -> memoryview:
        """All its bytes."""
        if self._map is None:
            raise ClosedError(f"segment {self.number}: is closed")
        return memoryview(self._map)

    def words(self, offset: int, count: int) -> memoryview:
        """Lend *count* 8-byte words: the cheapest shared words that Python has."""
        return self.memory[offset : offset + count * WORD_BYTES].cast("Q")

    def frames(self, offset: int, count: int) -> Frames:
        """Lend *count* page frames from *offset* on."""
        part = self.memory[offset : offset + count * PAGE_SIZE]
        array = np.frombuffer(part, np.uint8).reshape(count, PAGE_SIZE)
        return Frames(array, address(self.number, offset))

    def prefault(self, offset: int = 0, size: int | None = None) -> None:
        """
        Take the page faults now; each costs as much as an lz4 compression.

        Raises:
            MpzswapError: the memory cannot be had.
        """
        if self._map is None:
            raise ClosedError(f"segment {self.number}: is closed")
        first = offset // PAGE_SIZE * PAGE_SIZE
        last = self.size if size is None else offset + size
        with memory_errors(last - first):
            self._map.madvise(MADV_POPULATE_WRITE, first, last - first)


@contextlib.contextmanager
def memory_errors(size: int) -> Iterator[None]:
    """Say of *size* bytes what the system says when it does not give them."""
    try:
        yield
    except OSError as error:
        raise MpzswapError(
            f"shared memory: {size} bytes cannot be had: {error.strerror}"
        ) from error


def address(segment: int, offset: int) -> int:
    """Give the device address of *offset* in *segment*; ``split`` undoes it."""
    return segment << OFFSET_BITS | offset


def split(device_address: int) -> tuple[int, int]:
    """Give the segment number and the offset of a device address."""
    return device_address >> OFFSET_BITS, device_address & OFFSET_MASK


class AddressSpace:
    """
    The segments that a set of descriptors may name: what a PASID stands for.

    Both sides use it: the device checks each address against the submitter's
    space, the driver finds its own pages for the software path.
    """

    def __init__(self) -> None:
        # Replaced, never changed: threads of the user look things up meanwhile.
        self._segments: dict[int, tuple[Segment, memoryview, int]] = {}

    def add(self, segment: Segment) -> None:
        """Let descriptors name *segment*."""
        memory = segment.memory
        start = np.frombuffer(memory, np.uint8).ctypes.data
        found = segment, memory, start
        self._segments = {**self._segments, segment.number: found}

    def remove(self, number: int) -> Segment:
        """Take a segment out; no view of it is kept here."""
        segments = dict(self._segments)
        segment = segments.pop(number)[0]
        self._segments = segments
        return segment

    def resolve(self, device_address: int, size: int) -> memoryview | None:
        """Give the *size* bytes at an address; None if they are not all inside."""
        found = self._segments.get(device_address >> OFFSET_BITS)
        offset = device_address & OFFSET_MASK
        if found is None or offset + size > found[0].size:
            return None
        return found[1][offset : offset + size]

    def address_of(self, pages: Pages) -> int | None:
        """Give the device address of an array that lies whole in one segment."""
        if not pages.flags.c_contiguous:
            return None
        begin = pages.__array_interface__["data"][0]
        for segment, _, start in self._segments.values():
            offset = begin - start
            if offset >= 0 and offset + pages.nbytes <= segment.size:
                return address(segment.number, offset)
        return None

    def close(self) -> None:
        """Close every segment in it."""
        segments, self._segments = self._segments, {}
        for segment, _, _ in segments.values():
            segment.close()
