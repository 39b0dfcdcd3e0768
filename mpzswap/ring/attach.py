"""
What a device is told about memory: which segments, and where lanes lie in them.

These messages travel over a child's control socket as JSON; the segment's file
descriptor travels beside its ``Attach``, and behind it that of an interrupt, where
there is one.  The child answers with the same message.
"""

from typing import Annotated

import msgspec

from mpzswap.ring.lane import lane_bytes

# Source: ``mpzswap.ring.descriptor``, int_handle.
MAX_INT_HANDLE = 0xFFFF
IntHandle = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT_HANDLE)]


class LanePlace(msgspec.Struct, frozen=True):
    """A lane of one of the device's work queues, by its place in the segment."""

    wq: int
    offset: int
    capacity: int

    @property
    def end(self) -> int:
        """Where in the segment it ends."""
        return self.offset + lane_bytes(self.capacity)


class Attach(msgspec.Struct, frozen=True, tag="attach"):
    """
    Descriptors of *pasid* may name *segment*; serve the lanes that lie in it.

    They may ask for the interrupt *int_handle*, unless it is 0; its eventfd, which
    must not block, comes as the second file descriptor.
    """

    pasid: int
    segment: int
    lanes: tuple[LanePlace, ...] = ()
    int_handle: IntHandle = 0


class Detach(msgspec.Struct, frozen=True, tag="detach"):
    """Forget *segment*, every lane in it, and the interrupt that came with it."""

    pasid: int
    segment: int


class PublishCounters(msgspec.Struct, frozen=True, tag="publish"):
    """
    Write your counters into the board now; they are true when you answer.

    Each has a *number* of its own: the answer to one that nobody waited for to its
    end is none to the next.
    """

    number: int = 0


MESSAGE = msgspec.json.Decoder(Attach | Detach | PublishCounters)
encode = msgspec.json.encode
