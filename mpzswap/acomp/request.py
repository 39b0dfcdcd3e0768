"""
The request: compress these pages into there, or the other way round.

What the kernel has for one page (include/crypto/acompress.h, struct acomp_req),
for N pages: review of the series asked for it, and N = 1 is the single page.

    compress      pages  --->  buffers, lengths
    decompress    buffers, lengths  --->  pages

A request has one buffer of a page for each page that it can hold: the output of
compression, the input of decompression.  The uncompressed side is wherever the
caller's pages are; it is named by device addresses and never copied.
"""

import errno
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from mpzswap.ring.memory import Frames

# The kernel's convention: 0 or a negative errno.
EINPROGRESS = -errno.EINPROGRESS
EAGAIN = -errno.EAGAIN


class Operation(IntEnum):
    """What a request asks for."""

    COMPRESS = 1
    DECOMPRESS = 2


class Path(IntEnum):
    """Which way a page went; RAW: kept as it was, since it did not compress."""

    NONE = 0
    DEVICE = 1
    SOFTWARE = 2
    RAW = 3


@dataclass(eq=False)
class Request:
    """
    N pages and what became of each.

    The caller fills *pages* and *checksums* (and, to decompress, *buffers*, *lengths*
    and *sources*); the transform fills *errors*, *statuses*, *paths* and, compressing,
    *lengths*.
    After ``compress`` or ``decompress`` they belong to the transform until ``poll``
    gives something else than -EAGAIN.
    """

    # One page each, seen by the devices; as many as the request can hold.
    buffers: Frames
    # Device address of each uncompressed page; its length is the request's.
    pages: Sequence[int] = ()
    # Of each uncompressed page, see ``checksum``: what it is, or must come back as;
    # empty where the caller has none.  A transform may hold its devices to them.
    checksums: list[int] = field(default_factory=list)
    # Device address of the compressed bytes of each page, where they are packed into
    # the buffers one after the other; empty: each page's are in its own buffer.
    sources: list[int] = field(default_factory=list)
    # Bytes of each compressed page.
    lengths: list[int] = field(default_factory=list)
    # 0, -EINPROGRESS while pending, or the page's own negative errno; an entry a page
    # as soon as the transform has taken the request.
    errors: list[int] = field(default_factory=list)
    # mpzswap.completion.status.Status of each page; 0 where no device answered.
    statuses: list[int] = field(default_factory=list)
    # Path of each page.
    paths: list[int] = field(default_factory=list)
    # When it was over, and each stage up to then, summed over its pages, see
    # ``acomp.stages``; empty where nobody counts them.
    over_ns: int = 0
    stages: Sequence[int] = ()

    @property
    def capacity(self) -> int:
        """How many pages it can hold."""
        return len(self.buffers)

    def source_of(self, place: int) -> int:
        """Give the device address of the compressed bytes of a page."""
        return self.sources[place] if self.sources else self.buffers.address_of(place)

    def put_source(self, place: int, data: bytes | memoryview) -> None:
        """Put the compressed bytes of a page into its own buffer, once all is done."""
        self.buffers.views[place][: len(data)] = data
        if self.sources:
            self.sources[place] = self.buffers.address_of(place)


class Acomp(Protocol):
    """
    An asynchronous compressor: submit, then poll (patches 01 and 02 of the series).

    No order is implied between requests, or between the pages of one.  A page's
    error is its own: the other pages of the request are done all the same.
    """

    def allocate(self, capacity: int) -> Request:
        """
        Give a request for up to *capacity* pages, with its buffers.

        Raises:
            MpzswapError: no buffers are left.
        """

    def release(self, request: Request) -> None:
        """Take back a request that is not in flight."""

    def compress(self, request: Request) -> int:
        """Submit; -EINPROGRESS, or what ``poll`` gives where it is done already."""

    def decompress(self, request: Request) -> int:
        """Submit; -EINPROGRESS, or what ``poll`` gives where it is done already."""

    def poll(self, request: Request) -> int:
        """Give -EAGAIN while a page is pending, then 0 or the first page's error."""

    def compress_page(self, request: Request, page: int) -> None:
        """
        Compress one page of a request that has ended, in software and at once.

        For whoever cannot do without a page that failed; its length, error and path
        are then what came of this.
        """

    def decompress_page(self, request: Request, page: int) -> None:
        """
        Decompress one page of a request that has ended, in software and at once.

        For whoever found that it came back different from what it was; its error and
        path are then what came of this.
        """

    def pause(self, requests: Sequence[Request]) -> None:
        """
        Give the devices time to work on *requests*, some of which are pending.

        What cpu_relax is between two polls in the kernel; the transform knows how
        long its devices take, and may sleep.
        """
