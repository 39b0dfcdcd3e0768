"""
What the fuzz lays into shared memory, and what each byte of it must be.

    lanes   | guard | head, tail, slots | guard |
    data    | guard | records | guard | sources | guard | outputs | guard |

Each of two submitters has both segments.  Beside the memory that devices see lies its
shadow, what it must hold after a batch; and what cannot be foretold is marked: the
time stamps of records, and what was made from them.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mpzswap.codec.table import make_codec
from mpzswap.completion.record import RECORD_BYTES
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.page.mix import generate
from mpzswap.ring.attach import LanePlace
from mpzswap.ring.descriptor import DESCRIPTOR
from mpzswap.ring.lane import HEADER_BYTES, TAIL_WORD, Lane, lane_bytes
from mpzswap.ring.memory import WORD_BYTES, Segment, address

# Ours: a batch fills most of a lane, and its records a run of pages.
CAPACITY = 1024
GUARD_BYTES = PAGE_SIZE
SOURCE_PAGES = 32
OUTPUT_PAGES = 16
# No byte that a pattern has is another's by chance for long.
PATTERN = 0xA5

RECORDS = slice(GUARD_BYTES, GUARD_BYTES + CAPACITY * RECORD_BYTES)
SOURCES = slice(
    RECORDS.stop + GUARD_BYTES, RECORDS.stop + GUARD_BYTES + SOURCE_PAGES * PAGE_SIZE
)
OUTPUTS = slice(
    SOURCES.stop + GUARD_BYTES, SOURCES.stop + GUARD_BYTES + OUTPUT_PAGES * PAGE_SIZE
)
DATA_BYTES = OUTPUTS.stop + GUARD_BYTES
# What the device believes: its own index, the producer's, and the slots.
LANE = slice(GUARD_BYTES, GUARD_BYTES + lane_bytes(CAPACITY))
LANES_BYTES = -(-LANE.stop // PAGE_SIZE) * PAGE_SIZE + GUARD_BYTES
PLACE = LanePlace(wq=0, offset=LANE.start, capacity=CAPACITY)

Batch = NDArray[np.void]


class Memory:
    """One segment: what is in it, what must be, and what nobody can say."""

    def __init__(self, number: int, content: NDArray[np.uint8]) -> None:
        self.number = number
        self.segment = Segment.create(number, len(content))
        self.real = np.frombuffer(self.segment.memory, np.uint8)
        self.shadow = content.copy()
        self.unknown = np.zeros(len(content), np.bool_)
        # For the oracle: slices of these cost less than those of arrays.
        self.foretold = self.shadow.data
        self.open = self.unknown.view(np.uint8).data
        self._content = content
        self.reset()

    def __len__(self) -> int:
        """Give its bytes."""
        return len(self.shadow)

    def reset(self) -> None:
        """Be as at the beginning."""
        self.real[:] = self._content
        self.shadow[:] = self._content
        self.unknown[:] = False

    def difference(self) -> str:
        """Say what is not as foretold; nothing if all is."""
        wrong = (self.real != self.shadow) & ~self.unknown
        if not wrong.any():
            return ""
        first = int(wrong.argmax())
        return (
            f"segment {self.number}: {int(wrong.sum())} bytes are not as foretold; "
            f"byte {first:#x} is {int(self.real[first]):#04x}, "
            f"must be {int(self.shadow[first]):#04x}"
        )


@dataclass(eq=False)
class Party:
    """
    A submitter: its pasid, its two segments, its lane, its interrupt.

    Attributes:
        stream_bytes: of the stream in each of the later half of the source pages.
    """

    pasid: int
    handle: int
    lanes: Memory
    data: Memory
    stream_bytes: tuple[int, ...]
    eventfd: int = field(
        default_factory=lambda: os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    )
    # Made anew with each attachment.
    lane: Lane = field(init=False)

    @classmethod
    def make(cls, pasid: int, numbers: tuple[int, int], compressor: str) -> "Party":
        """Lay out the segments of a submitter."""
        content, stream_bytes = data_content(compressor, pasid)
        lanes = np.full(LANES_BYTES, PATTERN, np.uint8)
        lanes[LANE] = 0
        return cls(
            pasid=pasid,
            handle=pasid,
            lanes=Memory(numbers[0], lanes),
            data=Memory(numbers[1], content),
            stream_bytes=stream_bytes,
        )

    def close(self) -> None:
        """Give all back."""
        os.close(self.eventfd)
        for memory in self.memories:
            memory.segment.close()

    @property
    def memories(self) -> tuple[Memory, Memory]:
        """Both segments."""
        return self.lanes, self.data

    def new_lane(self) -> None:
        """Begin with an empty lane; no device has it."""
        self.lanes.reset()
        self.lane = Lane(self.lanes.segment.memory[LANE], CAPACITY)

    def at(self, offset: int) -> int:
        """Give the address of a byte of its data."""
        return address(self.data.number, offset)

    def fill(self, batch: Batch) -> None:
        """
        Put *batch* into slots that are not published yet; begin the shadows.

        What a descriptor that reads the device's index finds there is not foretold.
        """
        self.data.reset()
        slots = np.frombuffer(self.lane.slots, DESCRIPTOR)
        places = (self.lane.published + np.arange(len(batch))) % CAPACITY
        slots[places] = batch
        self.lanes.shadow[:] = self.lanes.real
        self.lanes.unknown[:] = False
        self.lanes.open[LANE.start : LANE.start + WORD_BYTES] = b"\1" * WORD_BYTES
        words = self.lanes.shadow[LANE][:HEADER_BYTES].view("<u8")
        words[TAIL_WORD] = self.lane.published + len(batch)

    def interrupts(self) -> int:
        """Give how often its interrupt was raised since the last look."""
        try:
            return os.eventfd_read(self.eventfd)
        except BlockingIOError:
            return 0

    @property
    def foretold_tail(self) -> int | None:
        """The index that its producer seems to have written; None: unforeseen."""
        at = LANE.start + TAIL_WORD * WORD_BYTES
        if self.lanes.unknown[at : at + WORD_BYTES].any():
            return None
        return int(self.lanes.shadow[at : at + WORD_BYTES].view("<u8")[0])

    def write_index(self, word: int, value: int) -> None:
        """Write an index of the lane: 0 the device's, ``TAIL_WORD`` the producer's."""
        at = LANE.start + word * WORD_BYTES
        for memory in (self.lanes.real, self.lanes.shadow):
            memory[at : at + WORD_BYTES].view("<u8")[0] = value


def data_content(
    compressor: str, seed: int
) -> tuple[NDArray[np.uint8], tuple[int, ...]]:
    """Give the first content of a data segment, and the lengths of its streams."""
    codec = make_codec(compressor)
    content = np.full(DATA_BYTES, PATTERN, np.uint8)
    content[RECORDS] = 0
    pages = content[SOURCES].reshape(SOURCE_PAGES, PAGE_SIZE)
    pages[:] = generate("mixed", SOURCE_PAGES, seed)
    lengths = []
    for page in pages[SOURCE_PAGES // 2 :]:
        stream = np.frombuffer(codec.compress(memoryview(page)), np.uint8)[:PAGE_SIZE]
        page[: len(stream)] = stream
        lengths.append(len(stream))
    return content, tuple(lengths)


def parties(compressor: str) -> Sequence[Party]:
    """Give who sends hostile descriptors, and who must not notice."""
    return Party.make(1, (1, 2), compressor), Party.make(2, (3, 4), compressor)
