"""
The board: the machine's shared words, each with one writer.

    | generation, submitters, device states |   the parent writes
    | disabled, one word a work queue       |   the parent writes
    | need_wakeup, taken, counters          |   each device its own
    | submitted, one row a work queue       |   each submitter its own column
    | late, one row a device                |   each submitter its own column
    | cpu words, one row a CpuWord          |   each submitter its own column

Rows begin on a cache line.  Every process maps the board and finds things by the
same layout, which follows from the topology and the number of submitters.

A device that is started anew is another *incarnation*: a process with words, rows and
lanes that no other ever used.  So all of them begin with nothing, whatever the dead
one had done by halves, and nothing that was submitted to it can be taken any more.

When a submitter's process has died, the parent is the one writer of its column.
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
from mpzswap.topology.model import Topology
from mpzswap.topology.wq_table import WqId

LINE_WORDS = CACHE_LINE_BYTES // WORD_BYTES
GENERATION = 0
SUBMITTERS = LINE_WORDS
STATES = 2 * LINE_WORDS


class DeviceState(IntEnum):
    """What the parent knows of a device, in its present incarnation."""

    STARTING = 0
    READY = 1
    DIED = 2


# A device's word: its incarnation above its state.
STATE_BITS = 8
STATE_MASK = (1 << STATE_BITS) - 1


class CpuWord(IntEnum):
    """What each submitter tells all others."""

    # Pages of its part of the zswap pool.
    POOL_PAGES = 0
    # How far a worker has come: pages written, checked.
    PAGES_WRITTEN = 1
    PAGES_CHECKED = 2
    # Stretches of its work that a worker has finished.
    STRETCHES = 3
    # What became of its pages, as its ledger has it: handed to zswap, loaded, rejected,
    # invalidated.
    LEDGER_OUT = 4
    LEDGER_LOADED = 5
    LEDGER_REJECTED = 6
    LEDGER_INVALIDATED = 7
    # Pages that it found wrong, or lost.
    PAGES_WRONG = 8
    PAGES_LOST = 9


class BoardLayout(msgspec.Struct, frozen=True):
    """Where things lie in the board; travels as JSON."""

    # Work queues of each device.
    wqs: tuple[int, ...]
    max_submitters: int
    # Of each device; those that come to be.
    max_incarnations: int = 1

    @classmethod
    def plan(cls, topology: Topology, max_submitters: int) -> "BoardLayout":
        """Lay out the board of a machine."""
        wqs = tuple(len(device.wqs) for device in topology.devices)
        return cls(wqs, max_submitters, topology.max_incarnations)

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
    def every_wq(self) -> list[WqId]:
        """Give every work queue of every device."""
        return [WqId(i, wq) for i, n in enumerate(self.wqs) for wq in range(n)]

    @property
    def queues_at(self) -> int:
        """The first word of the rows of work queues."""
        blocks = self.max_incarnations * len(self.wqs)
        return self.devices_at + blocks * DEVICE_WORDS

    @property
    def late_at(self) -> int:
        """The first word of the rows that tell of late devices."""
        rows = self.max_incarnations * sum(self.wqs)
        return self.queues_at + rows * self.row_words

    @property
    def cpus_at(self) -> int:
        """The first word of the rows of CPU words."""
        return self.late_at + len(self.wqs) * self.row_words

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
        return self._words[STATES + device] & STATE_MASK

    def incarnation(self, device: int) -> int:
        """Give the incarnation of a device: how often it was started anew."""
        return self._words[STATES + device] >> STATE_BITS

    def has_died(self, device: int, incarnation: int) -> bool:
        """
        Tell whether this incarnation of a device is gone.

        One that is still being started is not: it will take what is in its lanes, so
        whoever chose its queues a moment too early has to wait for it.
        """
        # The word only grows, and DIED is the last state of each incarnation.
        died = incarnation << STATE_BITS | DeviceState.DIED
        return self._words[STATES + device] >= died

    def set_state(self, device: int, state: DeviceState, incarnation: int = 0) -> None:
        """Tell everybody what became of a device."""
        with self._lock:
            self._words[STATES + device] = incarnation << STATE_BITS | state
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
        return [
            wq
            for wq in self.layout.every_wq
            if self.state(wq.device) == DeviceState.READY and self.is_enabled(wq)
        ]

    # Rows

    def device_words_offset(self, device: int, incarnation: int) -> int:
        """Give where in the board a device's own words begin, bytes."""
        block = incarnation * len(self.layout.wqs) + device
        return (self.layout.devices_at + block * DEVICE_WORDS) * WORD_BYTES

    def device_words(self, device: int, incarnation: int) -> memoryview:
        """Give a device's own words."""
        first = self.device_words_offset(device, incarnation) // WORD_BYTES
        return self._words[first : first + DEVICE_WORDS]

    def queue_row(self, wq: WqId, incarnation: int) -> memoryview:
        """Give the words of a work queue: submitted by each submitter."""
        layout = self.layout
        row = incarnation * sum(layout.wqs) + layout.number_of(wq)
        return self._row(layout.queues_at, row)

    def late_row(self, device: int) -> memoryview:
        """
        Give the words of a device that are for want of its answers.

        Each is one more than the incarnation that did not answer its submitter in
        time and is to be ended by the parent; 0: none.
        """
        return self._row(self.layout.late_at, device)

    def cpu_row(self, word: CpuWord) -> memoryview:
        """Give one word of every submitter."""
        return self._row(self.layout.cpus_at, word)

    def _row(self, rows_at: int, row: int) -> memoryview:
        first = rows_at + row * self.layout.row_words
        return self._words[first : first + self.layout.max_submitters]


def _whole_lines(words: int) -> int:
    return -(-words // LINE_WORDS) * LINE_WORDS
