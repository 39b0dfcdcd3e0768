"""
An actor of a search: real code as a graph of the places where it can be.

    point 0 --looks at taken: 0--> point 1 --looks at head: 0--> point 3
                            `: 1--> point 2

A point is what the actor knew at the beginning of its operation, and what it has
read since; a place is a point with a store buffer.  Each is found once, by running
the code, and then kept: a search asks for it thousands of times.
"""

import io
import pickle
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from tests.tools.stepped_memory import Access, Kind, Log, Memory, Stopped, Value

# Operations of an actor without any access; more is an endless loop.
MAX_SILENT = 100

Buffer = tuple[tuple[int, Value], ...]


class Actor(Protocol):
    """Real code, cut into operations; it can be pickled and is deterministic."""

    name: str

    def step(self) -> bool:
        """Do the next operation; False: there is none, and nothing was done."""


class Point(NamedTuple):
    """Where an actor is, whatever is in its buffer."""

    image: bytes
    log: Log
    # What it is about to do; None: it is at its end.
    access: Access | None
    # What it raised: then it is wrong.
    error: str = ""


class _Pickler(pickle.Pickler):
    """Leaves the memory outside: it is no part of what an actor knows."""

    def persistent_id(self, thing: object) -> str | None:
        return "memory" if isinstance(thing, Memory) else None


class _Unpickler(pickle.Unpickler):
    """Puts it in again."""

    def __init__(self, image: bytes, memory: Memory) -> None:
        super().__init__(io.BytesIO(image))
        self._memory = memory

    def persistent_load(self, pid: object) -> Memory:
        del pid
        return self._memory


class Script:
    """
    All that one actor can do.

    Args:
        memory: over which it was made.
        actor: as it is before its first operation.
        depth: stores that its buffer holds.

    Attributes:
        first: where the actor is at first, and ``prologue`` what it has done by then.
    """

    def __init__(self, memory: Memory, actor: Actor, depth: int) -> None:
        self.memory = memory
        self.name = actor.name
        self.depth = depth
        self._points: dict[tuple[bytes, Log], Point] = {}
        self._places: dict[tuple[bytes, Log, Buffer], Place] = {}
        self.first, self.prologue = self.place(self.point(self._image(actor), ()), ())

    @property
    def deepest(self) -> int:
        """The most stores that were in the buffer, anywhere."""
        return max(len(buffer) for _, _, buffer in self._places)

    def actor(self, image: bytes) -> Actor:
        """Give the actor as it was at the beginning of an operation."""
        actor: Actor = _Unpickler(image, self.memory).load()
        return actor

    def point(self, image: bytes, log: Log) -> Point:
        """Run the actor from *image* on with what it has read; give where it stops."""
        found = self._points.get((image, log))
        if found is None:
            found = self._points[image, log] = self._run(image, log)
        return found

    def place(self, point: Point, buffer: Buffer) -> tuple["Place", list[str]]:
        """Give the place behind all that is seen by nobody, and the story of it."""
        story = []
        while (access := point.access) is not None:
            if access.kind is Kind.STORE and len(buffer) < self.depth:
                buffer = (*buffer, (access.cell, access.value))
            elif access.kind is not Kind.BARRIER or buffer:
                break
            story.append(self.told(access, access.value))
            point = self.point(point.image, (*point.log, (access, 0)))
        key = point.image, point.log, buffer
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = Place(self, point, buffer)
        return place, story

    def told(self, access: Access, value: Value) -> str:
        """Say for people what the actor does."""
        return f"{self.name}: {access.told(self.memory, value)}"

    def _run(self, image: bytes, log: Log) -> Point:
        for _ in range(MAX_SILENT):
            self.memory.begin(log)
            actor = self.actor(image)
            try:
                more = actor.step()
            except Stopped as stop:
                return Point(image, log, stop.access)
            except Exception as error:  # noqa: BLE001 - it is told to the test
                return Point(image, log, None, f"{type(error).__name__}: {error}")
            image, log = self._image(actor), ()
            if not more:
                return Point(image, log, None)
        return Point(image, log, None, f"{MAX_SILENT} operations without an access")

    def _image(self, actor: Actor) -> bytes:
        file = io.BytesIO()
        _Pickler(file).dump(actor)
        return file.getvalue()


@dataclass(eq=False, repr=False)
class Place:
    """A point with a buffer; there is one object for each, so it equals itself only."""

    script: Script
    point: Point
    buffer: Buffer
    # Where each value that is read leads, and the story of it.
    _after: dict[Value, tuple["Place", list[str]]] = field(default_factory=dict)
    _drained: tuple["Place", list[str]] | None = None

    def __post_init__(self) -> None:
        """Keep at hand what is asked at every step."""
        self.access = self.point.access

    def seen(self, cell: int, in_memory: Value) -> Value:
        """Give what a load finds: the newest store of one's own, or memory."""
        for stored, value in reversed(self.buffer):
            if stored == cell:
                return value
        return in_memory

    def after(self, value: Value) -> tuple["Place", list[str]]:
        """Give the place after the access, which has read *value*."""
        found = self._after.get(value)
        if found is None:
            access, script = self.access, self.script
            assert access is not None
            log = (*self.point.log, (access, value))
            place, story = script.place(
                script.point(self.point.image, log), self.buffer
            )
            found = place, [script.told(access, value), *story]
            self._after[value] = found
        return found

    def drained(self) -> tuple["Place", list[str]]:
        """Give the place after the oldest store has gone to memory."""
        if self._drained is None:
            (cell, value), script = self.buffer[0], self.script
            place, story = script.place(self.point, self.buffer[1:])
            told = script.told(Access(Kind.STORE, cell), value)
            self._drained = place, [f"    drained, {told}", *story]
        return self._drained
