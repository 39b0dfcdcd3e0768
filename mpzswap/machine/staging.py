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
from mpzswap.machine.packed import PackedPage, Packing
from mpzswap.page.frame import PAGE_SIZE, Pages
from mpzswap.ring.memory import AddressSpace, Frames

# A page is compressed, or does not get smaller; anything else is not about the page.
ANSWERS = (0, -errno.E2BIG, -errno.ENOSPC)


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
        request.checksums = [*map(checksum, pages)]
        address = self.space.address_of(pages)
        if address is None:
            staged = self.of_request(request, len(pages))
            staged.array[:] = pages
            address = staged.address
        end = address + len(pages) * PAGE_SIZE
        request.pages = range(address, end, PAGE_SIZE)

    def pack(
        self,
        packing: Packing,
        request: Request,
        indices: Sequence[int],
        driver: Acomp,
    ) -> None:
        """Put what a compression gave; software does what devices could not."""
        views, lengths, errors = request.buffers.views, request.lengths, request.errors
        for place, index in enumerate(indices):
            if errors[place] not in ANSWERS:
                driver.compress_page(request, place)
            length = lengths[place]
            if errors[place] or length >= PAGE_SIZE:
                data, path = self._page(request, place), Path.RAW
            else:
                data, path = bytes(views[place][:length]), Path(request.paths[place])
            status, page_sum = request.statuses[place], request.checksums[place]
            packing.put(index, PackedPage(data, status, path, page_sum))

    def _page(self, request: Request, place: int) -> bytes:
        """Give a page from where ``place`` let the request find it."""
        page = self.space.resolve(request.pages[place], PAGE_SIZE)
        assert page is not None
        return bytes(page)
