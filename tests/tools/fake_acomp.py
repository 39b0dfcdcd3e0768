"""A transform without devices: zlib, ending in a seeded random order."""

import errno
import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mpzswap.acomp.request import EAGAIN, EINPROGRESS, Operation, Path, Request
from mpzswap.errors import MpzswapError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.memory import Frames

# Where plain memory pretends to be; no segment has this number.
FRAMES_ADDRESS = 7 << 40
BUFFERS_ADDRESS = 8 << 40


def plain_frames(count: int) -> Frames:
    """Give *count* zeroed frames in memory that nobody shares."""
    return Frames(np.zeros((count, PAGE_SIZE), np.uint8), FRAMES_ADDRESS)


def garbled(page: bytes) -> bytes:
    """Give another page, that differs in one bit."""
    return page[:1234] + bytes([page[1234] ^ 4]) + page[1235:]


@dataclass(eq=False)
class FakeAcomp:
    """
    Compresses pages of *frames*; a request ends when a coin says so, or in a pause.

    Attributes:
        frames: the only pages that it can reach.
        coin: decides when a request ends; seed it.
        compress_errors, decompress_errors: negative errno by frame index.
        wrong_compress, wrong_decompress: frame indices for which devices say that all
            is well, and do another page; software does not.
        overflow_error: of a page that zlib makes larger; 0: its length says so.
        software: frame indices whose path is software.
        max_requests: allocations beyond these are refused.
        compressed, decompressed: pages of each request submitted, in order.
        done_in_software: frame indices of single pages that were asked for, in order.
        allocated: requests that were not released.
        max_in_flight: the most requests that were in flight at a time.
    """

    frames: Frames
    coin: random.Random = field(default_factory=lambda: random.Random(0))
    compress_errors: dict[int, int] = field(default_factory=dict)
    decompress_errors: dict[int, int] = field(default_factory=dict)
    wrong_compress: set[int] = field(default_factory=set)
    wrong_decompress: set[int] = field(default_factory=set)
    overflow_error: int = -errno.ENOSPC
    software: set[int] = field(default_factory=set)
    max_requests: int = 1000
    compressed: list[int] = field(default_factory=list)
    decompressed: list[int] = field(default_factory=list)
    done_in_software: list[int] = field(default_factory=list)
    allocated: int = 0
    max_in_flight: int = 0
    in_flight: dict[Request, Operation] = field(default_factory=dict)

    def allocate(self, capacity: int) -> Request:
        """Give a request with buffers of its own."""
        if self.allocated == self.max_requests:
            raise MpzswapError(f"fake: {self.max_requests} requests are all there are")
        self.allocated += 1
        buffers = np.full((capacity, PAGE_SIZE), 0xA5, np.uint8)
        return Request(Frames(buffers, BUFFERS_ADDRESS))

    def release(self, request: Request) -> None:
        """Count it; one in flight is a mistake of the caller's."""
        assert request not in self.in_flight
        self.allocated -= 1

    def compress(self, request: Request) -> int:
        """Take the request; nothing happens before a poll or a pause."""
        self.compressed.append(len(request.pages))
        return self._submit(request, Operation.COMPRESS)

    def decompress(self, request: Request) -> int:
        """Take the request; nothing happens before a poll or a pause."""
        self.decompressed.append(len(request.pages))
        return self._submit(request, Operation.DECOMPRESS)

    def poll(self, request: Request) -> int:
        """Toss the coin for a request in flight; one that has ended stays so."""
        if request in self.in_flight:
            if self.coin.random() < 0.5:
                return EAGAIN
            self._end(request)
        return next((error for error in request.errors if error), 0)

    def compress_page(self, request: Request, page: int) -> None:
        """Compress a page of a request that has ended, honestly."""
        index = self._by_software(request, page)
        request.errors[page] = self._pack(
            request, page, bytes(self.frames.views[index])
        )

    def decompress_page(self, request: Request, page: int) -> None:
        """Decompress a page of a request that has ended, honestly."""
        index = self._by_software(request, page)
        request.errors[page] = self._unpack(request, page, index)

    def pause(self, requests: Sequence[Request]) -> None:
        """End one of the requests, so that whoever waits gets on."""
        assert all(request in self.in_flight for request in requests)
        self._end(self.coin.choice(list(requests)))

    def _submit(self, request: Request, operation: Operation) -> int:
        """Note that the request is in flight."""
        assert request not in self.in_flight
        assert 0 < len(request.pages) <= request.capacity
        count = len(request.pages)
        request.errors = [EINPROGRESS] * count
        request.statuses = [0] * count
        request.paths = [0] * count
        if operation is Operation.COMPRESS:
            request.lengths = [0] * count
        assert len(request.lengths) == count
        self.in_flight[request] = operation
        self.max_in_flight = max(self.max_in_flight, len(self.in_flight))
        return EINPROGRESS

    def _end(self, request: Request) -> None:
        """Do the work of a request, all pages at once."""
        compressing = self.in_flight.pop(request) is Operation.COMPRESS
        for place, address in enumerate(request.pages):
            index = self._index_of(address)
            software = index in self.software
            request.paths[place] = Path.SOFTWARE if software else Path.DEVICE
            work = self._compress if compressing else self._decompress
            request.errors[place] = work(request, place, index)

    def _compress(self, request: Request, place: int, index: int) -> int:
        """Compress a frame into a buffer of the request."""
        if index in self.compress_errors:
            return self.compress_errors[index]
        page = bytes(self.frames.views[index])
        return self._pack(
            request, place, garbled(page) if index in self.wrong_compress else page
        )

    def _pack(self, request: Request, place: int, page: bytes) -> int:
        """Put a page, compressed, into a buffer of the request."""
        packed = zlib.compress(page, 1)
        if len(packed) > PAGE_SIZE:
            request.lengths[place] = PAGE_SIZE
            return self.overflow_error
        request.buffers.views[place][: len(packed)] = packed
        request.lengths[place] = len(packed)
        return 0

    def _decompress(self, request: Request, place: int, index: int) -> int:
        """Decompress a buffer of the request into a frame."""
        if index in self.decompress_errors:
            return self.decompress_errors[index]
        error = self._unpack(request, place, index)
        if not error and index in self.wrong_decompress:
            view = self.frames.views[index]
            view[:] = garbled(bytes(view))
        return error

    def _unpack(self, request: Request, place: int, index: int) -> int:
        """Put what a buffer of the request holds into a frame."""
        packed = request.buffers.views[place][: request.lengths[place]]
        try:
            page = zlib.decompress(packed)
        except zlib.error:
            return -errno.EINVAL
        self.frames.views[index][:] = page
        return 0

    def _by_software(self, request: Request, place: int) -> int:
        """Note a single page that was asked for; give its frame's index."""
        assert request not in self.in_flight
        request.paths[place] = Path.SOFTWARE
        index = self._index_of(request.pages[place])
        self.done_in_software.append(index)
        return index

    def _index_of(self, address: int) -> int:
        """Give the index of the frame at an address."""
        index, rest = divmod(address - self.frames.address, PAGE_SIZE)
        assert rest == 0
        return index
