"""
What a device knows of a submitter's process: a client, found by its pasid.

Its memory and its interrupts come and go with segments; descriptors can name nothing
else.  An interrupt is an eventfd of the submitter, to which the device adds one for
each completion that asks for it.
"""

import os
from dataclasses import dataclass, field
from typing import NamedTuple

from mpzswap.errors import MpzswapError
from mpzswap.ring.memory import AddressSpace, Segment, address


class Kind(NamedTuple):
    """What a descriptor asks for that has been checked, addresses and sizes apart."""

    opcode: int
    # Whether output is written; of a compression it always is.
    writes: bool
    # The interrupt that it raises; 0: none.
    int_handle: int


@dataclass(eq=False)
class Client:
    """Whose descriptors a lane has, and what they may name."""

    pasid: int
    space: AddressSpace = field(default_factory=AddressSpace)
    # The eventfd of each interrupt that can be raised, by its handle.
    interrupts: dict[int, int] = field(default_factory=dict)
    # Kinds of plain descriptors, by the bytes that they have alike: ``device.plain``.
    kinds: dict[bytes, Kind] = field(default_factory=dict)
    # The handle and the eventfd that came with a segment, by its number.
    _came_with: dict[int, tuple[int, int]] = field(default_factory=dict)

    def attach(self, segment: Segment) -> None:
        """Let descriptors name *segment*."""
        self.space.add(segment)

    def add_interrupt(self, segment: int, handle: int, eventfd: int) -> None:
        """
        Let descriptors ask for interrupt *handle* until *segment* is detached.

        Raises:
            MpzswapError: another segment has that handle, or *eventfd* blocks: a
                device waits for no submitter.
        """
        if any(handle == taken for taken, _ in self._came_with.values()):
            raise MpzswapError(f"interrupt {handle}: pasid {self.pasid} has it already")
        if os.get_blocking(eventfd):
            raise MpzswapError(f"interrupt {handle}: its eventfd blocks, and must not")
        self.interrupts[handle] = eventfd
        self._came_with[segment] = handle, eventfd

    def knows(self, segment: int) -> bool:
        """Tell whether descriptors may name *segment*."""
        return self.space.resolve(address(segment, 0), 0) is not None

    def detach(self, segment: int) -> None:
        """Forget a segment and its interrupt, and give both back."""
        if segment in self._came_with:
            handle, eventfd = self._came_with.pop(segment)
            self.interrupts.pop(handle, None)
            os.close(eventfd)
        self.space.remove(segment).close()

    def close(self) -> None:
        """Forget all segments and interrupts, and give them back."""
        came_with, self._came_with = self._came_with, {}
        self.interrupts.clear()
        for _, eventfd in came_with.values():
            os.close(eventfd)
        self.space.close()

    def interrupt(self, handle: int, times: int = 1) -> bool:
        """
        Raise an interrupt; tell whether there is one of that handle and it was raised.

        An eventfd counts: *times* at once are as many one after the other.

        Who is woken by it sees what was stored before: see ``ring.ordering``, 4.
        """
        eventfd = self.interrupts.get(handle)
        if eventfd is None:
            return False
        try:
            os.eventfd_write(eventfd, times)
        except BlockingIOError:
            return True  # The count is at its limit, so whoever looks is woken.
        except OSError:
            # Other submitters still need the device, so it lives.  This one learns
            # of it by its next descriptor: there is no such interrupt any more.
            del self.interrupts[handle]
            return False
        return True
