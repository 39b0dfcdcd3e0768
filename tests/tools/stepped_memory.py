"""
Shared memory whose every access is a step: what actors of a search are handed.

    real code      lane._words[8] = 3        occupancy._full_barrier()
                        |                          |
    View           a memoryview to it         Memory.full_barrier
                        |                          |
    Memory         was it done before?  --- yes: the value that was read then
                        `-- no: Stopped(access), and the search decides when it is

An actor is run again from the beginning of its operation for each access that it
makes, with the values that it has read so far: so real code is stopped in the
middle without a thread.  It has to be deterministic; that is checked.

A cell is what one access moves: a word, or a part of a slot.
"""

import enum
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar, cast, overload

from mpzswap.ring.descriptor import DESCRIPTOR_BYTES
from mpzswap.ring.lane import HEADER_BYTES, TAIL_WORD, lane_bytes
from mpzswap.ring.memory import CACHE_LINE_BYTES, WORD_BYTES

Value = int | bytes
Made = TypeVar("Made")


class Kind(enum.Enum):
    """What an access does."""

    LOAD = "looks at"
    STORE = "stores"
    # Orders every store before it with every load after it.
    BARRIER = "full barrier"
    # A locked look and store in one.
    UPDATE = "updates, and finds"
    # Look until it is not 0.
    WAIT = "waits for"
    # Touches nothing: a place where the others may come, and a test may look.
    PAUSE = "pauses"


class Access(NamedTuple):
    """One access to a cell."""

    kind: Kind
    cell: int = 0
    # What is stored.
    value: Value = 0
    # What an update makes of the value.
    update: Callable[[int], int] | None = None

    def told(self, memory: "Memory", value: Value) -> str:
        """Say for people what it does, with *value*, and to which cell."""
        if self.kind in (Kind.BARRIER, Kind.PAUSE):
            return f"{self.kind.value}"
        shown = f"{value:x}" if isinstance(value, int) else value[-2:].hex()
        return f"{self.kind.value} {memory.names[self.cell]}: {shown}"


Log = tuple[tuple[Access, Value], ...]


class Stopped(BaseException):
    """An actor has come to an access that was not done yet."""

    def __init__(self, access: Access) -> None:
        self.access = access


class Memory:
    """
    The cells, and the log of the operation that is being run.

    Attributes:
        names: of the cells, for people.
        initial: what is in the cells at first.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.initial: list[Value] = []
        self._cells: dict[int, int] = {}
        self._end = 0
        self._log: Log = ()
        self._next = 0

    def before(self, make: Callable[[], Made]) -> Made:
        """Make a thing before the first step; what it looks at is there at once."""
        log: Log = ()
        while True:
            self.begin(log)
            try:
                return make()
            except Stopped as stop:
                log = (*log, (stop.access, self._looked(stop.access)))

    def _looked(self, access: Access) -> Value:
        assert access.kind is Kind.LOAD, "before the first step there are looks alone"
        return self.initial[access.cell]

    # Layout

    def words(self, name: str, count: int = 1) -> memoryview:
        """Give *count* words, all 0."""
        start = self._begin(count * WORD_BYTES)
        for index in range(count):
            self._add(start + index * WORD_BYTES, f"{name}[{index}]", 0)
        return self._lend(start, WORD_BYTES)

    def lane(self, name: str, capacity: int, parts: int = 1) -> memoryview:
        """Give a lane's bytes; a slot is *parts* cells, and they are torn apart."""
        start = self._begin(lane_bytes(capacity))
        self._add(start, f"{name}.head", 0)
        self._add(start + TAIL_WORD * WORD_BYTES, f"{name}.tail", 0)
        size = DESCRIPTOR_BYTES // parts
        for index in range(capacity * parts):
            slot, part = divmod(index, parts)
            at = start + HEADER_BYTES + index * size
            self._add(at, f"{name}.slot[{slot}].{part}", bytes(size))
        return self._lend(start, 1)

    def cell(self, name: str) -> int:
        """Give the number of a cell."""
        return self.names.index(name)

    def _begin(self, size: int) -> int:
        start, self._end = self._end, self._end + size
        # Whoever runs over the end of one thing is not in the next.
        self._end += CACHE_LINE_BYTES
        return start

    def _add(self, address: int, name: str, value: Value) -> None:
        self._cells[address] = len(self.names)
        self.names.append(name)
        self.initial.append(value)

    def _lend(self, start: int, item_bytes: int) -> memoryview:
        view = View(self, start, self._end - CACHE_LINE_BYTES, item_bytes)
        return cast("memoryview", view)

    def cells_between(self, start: int, stop: int) -> list[int]:
        """Give the cells that begin in a stretch of bytes, in order."""
        return [self._cells[at] for at in range(start, stop) if at in self._cells]

    def cell_at(self, address: int) -> int:
        """Give the cell at an address; KeyError where nobody has anything to do."""
        return self._cells[address]

    # Steps

    def begin(self, log: Log) -> None:
        """Run an operation again: these of its accesses were done."""
        self._log, self._next = log, 0

    def access(self, access: Access) -> Value:
        """Give what was read, or stop here."""
        if self._next == len(self._log):
            raise Stopped(access)
        done, value = self._log[self._next]
        assert done == access, f"an actor did {done}, and then {access} in its place"
        self._next += 1
        return value

    def full_barrier(self) -> None:
        """Pass a full barrier."""
        self.access(Access(Kind.BARRIER))

    def pause(self) -> None:
        """Let the others come."""
        self.access(Access(Kind.PAUSE))

    def wait_for(self, cell: int) -> None:
        """Wait until a cell is not 0."""
        self.access(Access(Kind.WAIT, cell))

    # An eventfd is a cell: Linux counts it up and down under a lock of its own.

    def eventfd_write(self, eventfd: int, value: int) -> None:
        """Do what ``os.eventfd_write`` does."""
        assert value == 1
        self.access(Access(Kind.UPDATE, eventfd, update=_one_more))

    def eventfd_read(self, eventfd: int) -> int:
        """Do what ``os.eventfd_read`` does where it does not block."""
        count = self.access(Access(Kind.UPDATE, eventfd, update=_nothing))
        if not count:
            raise BlockingIOError
        return cast("int", count)


def _one_more(count: int) -> int:
    return count + 1


def _nothing(count: int) -> int:
    del count
    return 0


class View:
    """What a memoryview is to the rings: items, parts of it, a cast to words."""

    def __init__(self, memory: Memory, start: int, stop: int, item_bytes: int) -> None:
        self._memory = memory
        self._start = start
        self._stop = stop
        self._item_bytes = item_bytes

    def __len__(self) -> int:
        """Give the number of items; no access."""
        return (self._stop - self._start) // self._item_bytes

    def cast(self, code: str) -> "View":
        """Give the same bytes as words; no access."""
        assert code == "Q"
        return View(self._memory, self._start, self._stop, WORD_BYTES)

    @overload
    def __getitem__(self, part: int) -> Value: ...

    @overload
    def __getitem__(self, part: slice) -> "View": ...

    def __getitem__(self, part: int | slice) -> "Value | View":
        """Load an item; or lend a part, which is no access."""
        if isinstance(part, slice):
            start, stop = self._bounds(part)
            return View(self._memory, start, stop, self._item_bytes)
        address = self._start + part * self._item_bytes
        return self._load(self._memory.cell_at(address))

    def __setitem__(self, part: int | slice, value: Value) -> None:
        """Store an item; or bytes, cell by cell."""
        memory = self._memory
        if isinstance(part, int):
            cell = memory.cell_at(self._start + part * self._item_bytes)
            memory.access(Access(Kind.STORE, cell, value))
            return
        data = cast("bytes", value)
        for cell in memory.cells_between(*self._bounds(part)):
            size = len(cast("bytes", memory.initial[cell]))
            memory.access(Access(Kind.STORE, cell, data[:size]))
            data = data[size:]
        assert not data, "stores are of whole cells"

    def __iter__(self) -> Iterator[Value]:
        """Load the items, one after the other."""
        return (self[index] for index in range(len(self)))

    def __bytes__(self) -> bytes:
        """Load the cells, one after the other."""
        return b"".join(cast("Sequence[bytes]", [*map(self._load, self._cells())]))

    def _cells(self) -> list[int]:
        return self._memory.cells_between(self._start, self._stop)

    def _load(self, cell: int) -> Value:
        return self._memory.access(Access(Kind.LOAD, cell))

    def _bounds(self, part: slice) -> tuple[int, int]:
        start, stop, step = part.indices(len(self))
        assert step == 1
        size = self._item_bytes
        return self._start + start * size, self._start + max(start, stop) * size
