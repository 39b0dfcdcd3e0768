"""
From the user's pages to what a request holds, and back.

Pages in shared memory are named where they are.  Others are copied: each buffer of
the portal has a staging frame beside it, so a request never lacks one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mpzswap.acomp.request import Path, Request
from mpzswap.machine.packed import Packing
from mpzswap.page.frame import PAGE_SIZE, Pages
from mpzswap.ring.memory import AddressSpace, Frames


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
        offset = request.buffers.address - self.buffers_address
        return self.frames.part(offset // PAGE_SIZE, count)

    def place(self, request: Request, pages: Pages) -> None:
        """Let *request* compress *pages*, as many as it holds or fewer."""
        address = self.space.address_of(pages)
        if address is None:
            staged = self.of_request(request, len(pages))
            staged.array[:] = pages
            address = staged.address
        end = address + len(pages) * PAGE_SIZE
        request.pages = range(address, end, PAGE_SIZE)


def pack(
    packing: Packing, request: Request, indices: Sequence[int], pages: Pages
) -> None:
    """Put the result of a compression: *pages* are the input, at *indices*."""
    views, lengths, errors = request.buffers.views, request.lengths, request.errors
    for place, index in enumerate(indices):
        length = lengths[place]
        if errors[place] or length >= PAGE_SIZE:
            data, path = pages[place].tobytes(), Path.RAW
        else:
            data, path = bytes(views[place][:length]), Path(request.paths[place])
        packing.put(index, data, request.statuses[place], path)
