"""
What a device is told about memory: which segments, and where lanes lie in them.

These messages travel over a child's control socket as JSON; the segment's file
descriptor travels beside its ``Attach``.  The child answers with the same message.
"""

import msgspec


class LanePlace(msgspec.Struct, frozen=True):
    """A lane of one of the device's work queues, by its place in the segment."""

    wq: int
    offset: int
    capacity: int


class Attach(msgspec.Struct, frozen=True, tag="attach"):
    """Descriptors of *pasid* may name *segment*; serve the lanes that lie in it."""

    pasid: int
    segment: int
    lanes: tuple[LanePlace, ...] = ()


class Detach(msgspec.Struct, frozen=True, tag="detach"):
    """Forget *segment* and every lane in it."""

    pasid: int
    segment: int


class PublishCounters(msgspec.Struct, frozen=True, tag="publish"):
    """Write your counters into the board now; they are true when you answer."""


MESSAGE = msgspec.json.Decoder(Attach | Detach | PublishCounters)
encode = msgspec.json.encode
