"""
From the user's pages to what a request holds, and back.

Pages in shared memory are named where they are.  Others are copied: each buffer of
the portal has a staging frame beside it, so a request never lacks one.
"""

import errno
from collections.abc import Sequence
from dataclasses import dataclass

from mpzswap.acomp.checksum import checksum
from mpzswap.acomp.request import Acomp, Path, Request
from mpzswap.machine.packed import PackedPart, Packing
from mpzswap.page.frame import PAGE_SIZE, Pages, page_views
from mpzswap.ring.memory import AddressSpace, Frames

# A page is compressed, or does not get smaller; anything else is not about the page.
ANSWERS = (0, -errno.E2BIG, -errno.ENOSPC)
# A plain integer: a member of an enum costs more to put into an array.
RAW = int(Path.RAW)


@dataclass(frozen=True, eq=False)
class Staging:
    """
    One staging frame for each buffer of a portal.

    Args:
        frames: as many as the portal has buffers.
        buffers_address: device address of the portal's first buffer.
        space: the segments that are named without a copy.
    """

    frames: Frames
    buffers_address: int
    space: AddressSpace

    def of_request(self, request: Request, count: int) -> Frames:
        """Give *count* staging frames of a request."""
        return self.frames.part(self._first(request), count)

    def views_of_request(self, request: Request, count: int) -> Sequence[memoryview]:
        """Give *count* staging frames of a request as views."""
        first = self._first(request)
        return self.frames.views[first : first + count]

    def _first(self, request: Request) -> int:
        """Give the index of a request's first staging frame."""
        return (request.buffers.address - self.buffers_address) // PAGE_SIZE

    def place(self, request: Request, pages: Pages) -> None:
        """
        Let *request* compress *pages*, as many as it holds or fewer.

        Their checksums are made here, of the user's memory.
        """
        count = len(pages)
        address = self.space.address_of(pages)
        if address is None:
            staged = self.of_request(request, count)
            staged.array[:] = pages
            address = staged.address
            # Of the copy, which is in the cache now: nobody else has seen it yet.
            views = self.views_of_request(request, count)
        else:
            views = page_views(pages)
        request.checksums = [*map(checksum, views)]
        request.pages = range(address, address + count * PAGE_SIZE, PAGE_SIZE)

    def pack(
        self, packing: Packing, request: Request, first: int, driver: Acomp
    ) -> None:
        """
        Put what a compression gave; software does what devices could not.

        Args:
            packing: of the pages from *first* on.
            request: what was done.
            first: the number of its first page.
            driver: who did it.
        """
        errors, lengths = request.errors, request.lengths
        if any(errors):
            self._redo(request, driver)
        streams = [
            view[:length]
            for view, length in zip(request.buffers.views, lengths, strict=False)
        ]
        if any(errors) or min(lengths) <= 0 or max(lengths) >= PAGE_SIZE:
            self._keep_raw(request, streams)
        part = PackedPart(
            b"".join(streams),
            lengths,
            request.statuses,
            request.paths,
            request.checksums,
        )
        packing.put(first, part)

    @staticmethod
    def _redo(request: Request, driver: Acomp) -> None:
        """Let software do the pages whose errors are not about them."""
        for place, error in enumerate(request.errors):
            if error not in ANSWERS:
                driver.compress_page(request, place)

    def _keep_raw(self, request: Request, streams: list[memoryview]) -> None:
        """Take the page itself where its stream is no smaller, or nothing."""
        lengths, errors = request.lengths, request.errors
        for place, length in enumerate(lengths):
            if errors[place] or not 0 < length < PAGE_SIZE:
                page = self.space.resolve(request.pages[place], PAGE_SIZE)
                assert page is not None
                streams[place] = page
                lengths[place] = PAGE_SIZE
                request.paths[place] = RAW
