"""
The portal: a submitter's own segment, which every device maps.

    | lanes, one a work queue | completion records | buffers, one page each |

A device that may be started anew has lanes for each incarnation (``machine.board``).
A request holds a run of records and the run of buffers with the same numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mpzswap.completion.record import (
    ERROR_CODE_AT,
    RECORD,
    RECORD_BYTES,
    SIZE_AT,
    TAKEN_AT,
)
from mpzswap.errors import QueueFullError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.attach import LanePlace
from mpzswap.ring.lane import Lane, capacity_for
from mpzswap.ring.memory import WORD_BYTES, Frames, Segment, address
from mpzswap.topology.model import Device, Topology

RECORD_WORDS = RECORD_BYTES // WORD_BYTES
# The half word of a record that is its output_size.
SIZE_HALF = SIZE_AT // (WORD_BYTES // 2)
# The word of a record that is its taken_ns.
TAKEN_WORD = TAKEN_AT // WORD_BYTES


@dataclass(frozen=True)
class PortalLayout:
    """Where things lie in a portal; the same in every process that maps it."""

    # For each incarnation, for each device, the lanes of its work queues.
    lanes: tuple[tuple[tuple[LanePlace, ...], ...], ...]
    records_offset: int
    buffers_offset: int
    nr_buffers: int

    @classmethod
    def plan(cls, topology: Topology, nr_buffers: int) -> "PortalLayout":
        """Lay out a portal for the work queues of *topology*."""
        offset = 0
        lanes = []
        for _ in range(topology.max_incarnations):
            layer = []
            for device in topology.devices:
                places = tuple(_places(device, offset))
                layer.append(places)
                offset = places[-1].end
            lanes.append(tuple(layer))
        end = offset + nr_buffers * RECORD_BYTES
        return cls(
            lanes=tuple(lanes),
            records_offset=offset,
            buffers_offset=-(-end // PAGE_SIZE) * PAGE_SIZE,
            nr_buffers=nr_buffers,
        )

    @property
    def size(self) -> int:
        """Bytes of the whole segment."""
        return self.buffers_offset + self.nr_buffers * PAGE_SIZE


class Portal:
    """A mapped portal; gives out runs of records with their buffers."""

    def __init__(self, segment: Segment, layout: PortalLayout) -> None:
        self._segment = segment
        self._layout = layout
        offset, count = layout.records_offset, layout.nr_buffers
        records = segment.memory[offset : offset + count * RECORD_BYTES]
        self.records = np.frombuffer(records, RECORD)
        # A status is one byte in 64, a stamp one word in 8: views of only those.
        self._statuses = records[::RECORD_BYTES]
        self._error_codes = records[ERROR_CODE_AT::RECORD_BYTES]
        self._words = records.cast("Q")
        self._taken_ns = self._words[TAKEN_WORD::RECORD_WORDS]
        self._completed_ns = self._words[TAKEN_WORD + 1 :: RECORD_WORDS]
        self._sizes = records.cast("I")[SIZE_HALF :: 2 * RECORD_WORDS]
        self._buffers = segment.frames(layout.buffers_offset, count)
        # Runs of free records as (first, count), in order, no two of them adjoining.
        self._free = [(0, count)]

    def lane(self, device: int, wq: int, incarnation: int = 0) -> Lane:
        """Give the lane into a work queue of a device's incarnation."""
        place = self._layout.lanes[incarnation][device][wq]
        return Lane(self._segment.memory[place.offset : place.end], place.capacity)

    def allocate(self, count: int) -> int:
        """
        Give the first of *count* records and buffers.

        Raises:
            QueueFullError: so many are not left.
        """
        for index, (first, length) in enumerate(self._free):
            if length >= count:
                rest = [(first + count, length - count)] if length > count else []
                self._free[index : index + 1] = rest
                return first
        left = max((length for _, length in self._free), default=0)
        raise QueueFullError(
            f"request: {count} pages, must be up to {left}, the buffers free now"
        )

    def release(self, first: int, count: int) -> None:
        """
        Take back what ``allocate`` gave.

        Raises:
            ValueError: it was taken back before.
        """
        runs = sorted([*self._free, (first, count)])
        merged = runs[:1]
        for start, length in runs[1:]:
            before, before_length = merged[-1]
            if before + before_length > start:
                raise ValueError(f"release: buffers {first} on are free already")
            if before + before_length == start:
                merged[-1] = before, before_length + length
            else:
                merged.append((start, length))
        self._free = merged

    def buffers(self, first: int, count: int) -> Frames:
        """Give the buffers of a run."""
        return self._buffers.part(first, count)

    def record_addresses(self, first: int, count: int) -> range:
        """Give the device address of each record of a run."""
        offset = self._layout.records_offset + first * RECORD_BYTES
        start = address(self._segment.number, offset)
        return range(start, start + count * RECORD_BYTES, RECORD_BYTES)

    def status(self, number: int) -> int:
        """Give the status of a record."""
        status: int = self._statuses[number]
        return status

    def statuses(self, first: int, count: int) -> bytes:
        """Give the status of each record of a run."""
        return self._statuses[first : first + count].tobytes()

    def error_codes(self, first: int, count: int) -> bytes:
        """Give the error code of each record of a run."""
        return self._error_codes[first : first + count].tobytes()

    def taken_ns(self, first: int, count: int) -> list[int]:
        """Give when the device took the descriptor of each record of a run."""
        return self._taken_ns[first : first + count].tolist()

    def completed_ns(self, first: int, count: int) -> list[int]:
        """Give when the device was done with each record of a run."""
        return self._completed_ns[first : first + count].tolist()

    def stamps(self, number: int) -> tuple[int, int]:
        """Give when the descriptor of a record was taken, and when it was done."""
        at = number * RECORD_WORDS + TAKEN_WORD
        return self._words[at], self._words[at + 1]

    def sizes(self, first: int, count: int) -> list[int]:
        """Give the output size of each record of a run, bytes."""
        return self._sizes[first : first + count].tolist()

    def clear(self, first: int, count: int) -> None:
        """Set the status of each record of a run to NONE, before submission."""
        self._statuses[first : first + count] = bytes(count)


def _places(device: Device, offset: int) -> Iterator[LanePlace]:
    """Give a lane for each work queue of *device*, from *offset* on."""
    for index, wq in enumerate(device.wqs):
        place = LanePlace(index, offset, capacity_for(wq.capacity))
        yield place
        offset = place.end
