"""
The board: the machine's shared words, each with one writer.

    | generation, submitters, device states |   the parent writes
    | disabled, one word a work queue       |   the parent writes
    | need_wakeup, taken, counters          |   each device its own
    | submitted, one row a work queue       |   each submitter its own column
    | cpu words, one row a CpuWord          |   each submitter its own column

Rows begin on a cache line.  Every process maps the board and finds things by the
same layout, which follows from the topology and the number of submitters.
"""

import threading
from collections.abc import Iterable
from enum import IntEnum

import msgspec

from mpzswap.device.words import DEVICE_WORDS
from mpzswap.ring.memory import (
    BOARD_SEGMENT,
    CACHE_LINE_BYTES,
    WORD_BYTES,
    Segment,
)
from mpzswap.topology.model import MAX_DEVICES, Topology
from mpzswap.topology.wq_table import WqId

LINE_WORDS = CACHE_LINE_BYTES // WORD_BYTES
GENERATION = 0
SUBMITTERS = LINE_WORDS
STATES = 2 * LINE_WORDS


class DeviceState(IntEnum):
    """What the parent knows of a device."""

    STARTING = 0
    READY = 1
    DIED = 2


class CpuWord(IntEnum):
    """What each submitter tells all others."""

    # Pages of its part of the zswap pool.
    POOL_PAGES = 0
    # How far a worker has come: pages written, checked.
    PAGES_WRITTEN = 1
    PAGES_CHECKED = 2
    # Stretches of its work that a worker has finished.
    STRETCHES = 3
    # A bit for each device that did not answer it in time: to be ended by the parent.
    LATE_DEVICES = 4


assert MAX_DEVICES <= 8 * WORD_BYTES, "a word has a bit for each device"


class BoardLayout(msgspec.Struct, frozen=True):
    """Where things lie in the board; travels as JSON."""

    # Work queues of each device.
    wqs: tuple[int, ...]
    max_submitters: int

    @classmethod
    def plan(cls, topology: Topology, max_submitters: int) -> "BoardLayout":
        """Lay out the board of a machine."""
        return cls(
            tuple(len(device.wqs) for device in topology.devices), max_submitters
        )

    @property
    def row_words(self) -> int:
        """Words of a row with a column for each submitter."""
        return _whole_lines(self.max_submitters)

    @property
    def disabled_at(self) -> int:
        """The first of the words that tell which work queues are disabled."""
        return STATES + _whole_lines(len(self.wqs))

    @property
    def devices_at(self) -> int:
        """The first word of the devices' own words."""
        return self.disabled_at + _whole_lines(sum(self.wqs))

    def number_of(self, wq: WqId) -> int:
        """Give how many work queues come before *wq*."""
        return sum(self.wqs[: wq.device]) + wq.wq

    @property
    def queues_at(self) -> int:
        """The first word of the rows of work queues."""
        return self.devices_at + len(self.wqs) * DEVICE_WORDS

    @property
    def cpus_at(self) -> int:
        """The first word of the rows of CPU words."""
        return self.queues_at + sum(self.wqs) * self.row_words

    @property
    def size(self) -> int:
        """Bytes of the whole board."""
        return (self.cpus_at + len(CpuWord) * self.row_words) * WORD_BYTES


class Board:
    """A mapped board."""

    def __init__(self, segment: Segment, layout: BoardLayout) -> None:
        self.segment = segment
        self.layout = layout
        self._words = segment.words(0, layout.size // WORD_BYTES)
        # Threads of the parent: two that count at once would count once.
        self._lock = threading.Lock()

    @classmethod
    def create(cls, layout: BoardLayout) -> "Board":
        """Make the board; the parent does."""
        return cls(Segment.create(BOARD_SEGMENT, layout.size), layout)

    @classmethod
    def map(cls, fd: int, layout: BoardLayout) -> "Board":
        """Map the board that the parent made."""
        return cls(Segment.map(BOARD_SEGMENT, fd), layout)

    def close(self) -> None:
        """Give back our hold on it."""
        self._words = memoryview(b"").cast("Q")
        self.segment.close()

    # Written by the parent

    @property
    def generation(self) -> int:
        """Changes whenever a device or a work queue comes or goes."""
        return self._words[GENERATION]

    @property
    def submitters(self) -> int:
        """How many columns are in use."""
        return self._words[SUBMITTERS]

    @submitters.setter
    def submitters(self, count: int) -> None:
        self._words[SUBMITTERS] = count

    def state(self, device: int) -> int:
        """Give the DeviceState of a device."""
        return self._words[STATES + device]

    def set_state(self, device: int, state: DeviceState) -> None:
        """Tell everybody what became of a device."""
        with self._lock:
            self._words[STATES + device] = state
            self._words[GENERATION] += 1

    def set_enabled(self, wqs: Iterable[WqId], *, enabled: bool) -> None:
        """Let submitters use work queues from now on, or no more."""
        with self._lock:
            for wq in wqs:
                self._words[self._disabled_at(wq)] = not enabled
            # Last: whoever sees the number change sees the words.
            self._words[GENERATION] += 1

    def is_enabled(self, wq: WqId) -> bool:
        """Tell whether submitters may use a work queue."""
        return not self._words[self._disabled_at(wq)]

    def _disabled_at(self, wq: WqId) -> int:
        return self.layout.disabled_at + self.layout.number_of(wq)

    def usable(self) -> list[WqId]:
        """Give the work queues that are enabled, of the devices that are ready."""
        every = (WqId(i, wq) for i, n in enumerate(self.layout.wqs) for wq in range(n))
        return [
            wq
            for wq in every
            if self.state(wq.device) == DeviceState.READY and self.is_enabled(wq)
        ]

    # Rows

    def device_words_offset(self, device: int) -> int:
        """Give where in the board a device's own words begin, bytes."""
        return (self.layout.devices_at + device * DEVICE_WORDS) * WORD_BYTES

    def device_words(self, device: int) -> memoryview:
        """Give a device's own words."""
        first = self.layout.devices_at + device * DEVICE_WORDS
        return self._words[first : first + DEVICE_WORDS]

    def queue_row(self, wq: WqId) -> memoryview:
        """Give the words of a work queue: submitted by each submitter."""
        row = self.layout.number_of(wq)
        first = self.layout.queues_at + row * self.layout.row_words
        return self._words[first : first + self.layout.max_submitters]

    def cpu_row(self, word: CpuWord) -> memoryview:
        """Give one word of every submitter."""
        first = self.layout.cpus_at + word * self.layout.row_words
        return self._words[first : first + self.layout.max_submitters]


def _whole_lines(words: int) -> int:
    return -(-words // LINE_WORDS) * LINE_WORDS
