"""
Search every interleaving of actors that share memory, as x86-64 orders it (TSO).

    actor 0          actor 1          device           real code, a step an access
       | store          |                |
    [ buffer ]       [ buffer ]       [ buffer ]       first in, first out
       |  ^ its own loads find its newest store there
       | drain: whenever the search likes, the oldest first
       v
    [ cell | cell | cell | ...                   ]     memory: loads, locked updates

A full barrier, and a locked update, wait until the actor's own buffer has drained.
Source: Sewell and others, "x86-TSO", CACM 53 (7), 2010.

A state is what is in the cells, and the place of each actor (``stepped_actor``).
From the first state on, breadth first, every step of every actor is taken:

* no state may be wrong, and no actor may raise;
* where nobody can take a step, all must have come to their end;
* and from every state an end can be reached: nobody waits, or tries again, for
  ever, unless the scheduler never lets the others run.

To put a store into one's own buffer, and to pass a barrier when it is empty, is seen
by nobody, and hinders nobody: that is done together with the step before it.

Not shown: that the interpreter keeps the order of the code (``mpzswap.ring.ordering``
says what we rely on); that words are not torn; what more actors, places and
descriptors do than were searched; what buffers deeper than ``DEPTH`` do, where a
search has filled one (``Found.deepest``).
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from tests.tools.stepped_actor import Actor, Place, Script
from tests.tools.stepped_memory import Kind, Memory, Value

# Stores in a buffer: more than any of our searches has there, so that it is none of
# their limits.  A processor has some 60.
DEPTH = 16
# A search that goes beyond does not fit a test.
MAX_STATES = 1_000_000

# The cells, then the place of each actor.
State = tuple[Any, ...]
Step = tuple[State, list[str]]


class Counterexample(NamedTuple):
    """What is wrong, and the shortest way there."""

    what: str
    steps: list[str]

    def __str__(self) -> str:
        """Give it as lines, for whoever sees a test fail."""
        return "\n".join(["", *self.steps, f"=> {self.what}"])


@dataclass(frozen=True)
class Found:
    """What a search has found."""

    # Too many to be shown where a test fails.
    states: Sequence[State] = field(repr=False)
    # Those where all actors are at their end.
    ends: Sequence[State] = field(repr=False)
    # The most stores that there were in any buffer.
    deepest: int
    counterexample: Counterexample | None


class Interleavings:
    """
    The states of actors over a memory.

    Args:
        memory: as it is before the first step.
        actors: each was made over *memory*.
        depth: stores that a buffer holds.
    """

    def __init__(
        self, memory: Memory, actors: Sequence[Actor], depth: int = DEPTH
    ) -> None:
        self._nr_cells = len(memory.names)
        self._scripts = [Script(memory, actor, depth) for actor in actors]
        self.first: State = (
            *memory.initial,
            *(script.first for script in self._scripts),
        )

    # One state

    def places(self, state: State) -> tuple[Place, ...]:
        """Give where each actor is."""
        return state[self._nr_cells :]

    def actor(self, state: State, index: int) -> Actor:
        """Give an actor as it was at the beginning of its operation, or its end."""
        place = self.places(state)[index]
        return place.script.actor(place.point.image)

    def steps(self, state: State) -> Iterator[Step]:
        """Give every state that is one step away, and the story of the step."""
        for index in range(len(self._scripts)):
            yield from self.steps_of(index, state)

    def steps_of(self, index: int, state: State) -> Iterator[Step]:
        """Give those where it is one actor, or its buffer, that takes the step."""
        place: Place = state[self._nr_cells + index]
        if place.buffer:
            after, story = place.drained()
            yield self._changed(state, index, after, place.buffer[0]), story
        access = place.access
        if access is None or access.kind in (Kind.STORE, Kind.BARRIER):
            # At its end; or the buffer is full, or not empty.
            return
        if access.update is not None:
            if not place.buffer:
                value = state[access.cell]
                after, story = place.after(value)
                new = access.cell, access.update(value)
                yield self._changed(state, index, after, new), story
            return
        value = 0
        if access.kind is not Kind.PAUSE:
            value = place.seen(access.cell, state[access.cell])
        if value or access.kind is not Kind.WAIT:
            after, story = place.after(value)
            yield self._changed(state, index, after), story

    def _changed(
        self,
        state: State,
        index: int,
        place: Place,
        stored: tuple[int, Value] | None = None,
    ) -> State:
        changed = list(state)
        changed[self._nr_cells + index] = place
        if stored is not None:
            changed[stored[0]] = stored[1]
        return tuple(changed)

    # All states

    def search(self, wrong: Callable[[State], str] = lambda _: "") -> Found:
        """
        Go through all states, or up to the first that is wrong.

        Args:
            wrong: tells what is wrong with a state's cells, or "".
        """
        numbers = {self.first: 0}
        graph = _Graph([self.first], [[]])
        ends = []
        for number, state in graph.growing():
            what = wrong(state) or self._error(state)
            is_end = True
            for after, _ in self.steps(state):
                is_end = False
                found = numbers.setdefault(after, len(numbers))
                graph.add(number, found, after)
            if is_end:
                what = what or self._unfinished(state)
                ends.append(number)
            if what:
                return self._failed(graph, number, what)
        hopeless = graph.first_without(ends)
        if hopeless is not None:
            return self._failed(graph, hopeless, "from here no end can be reached")
        return self._found(graph, ends, None)

    def _error(self, state: State) -> str:
        for place in self.places(state):
            if place.point.error:
                return f"{place.script.name}: {place.point.error}"
        return ""

    def _unfinished(self, state: State) -> str:
        waiting = [p.script.name for p in self.places(state) if p.access is not None]
        return f"{', '.join(waiting)}: for ever" if waiting else ""

    def _failed(self, graph: "_Graph", number: int, what: str) -> Found:
        path = graph.path_to(number)
        told = [line for script in self._scripts for line in script.prologue]
        for here, there in pairwise(path):
            told += next(story for after, story in self.steps(here) if after == there)
        return self._found(graph, [], Counterexample(what, told))

    def _found(
        self, graph: "_Graph", ends: Sequence[int], example: Counterexample | None
    ) -> Found:
        deepest = max(script.deepest for script in self._scripts)
        states = graph.states
        return Found(states, [states[number] for number in ends], deepest, example)


class _Graph(NamedTuple):
    """States by number; for each, those from which a step leads there."""

    states: list[State]
    before: list[list[int]]

    def growing(self) -> Iterator[tuple[int, State]]:
        """Give each state with its number, those too that are added meanwhile."""
        number = 0
        while number < len(self.states):
            yield number, self.states[number]
            number += 1
            assert number < MAX_STATES, "too many states for a test"

    def add(self, here: int, there: int, state: State) -> None:
        """Note that a step leads from *here* to *there*, which is *state*."""
        if there == len(self.states):
            self.states.append(state)
            self.before.append([])
        self.before[there].append(here)

    def path_to(self, number: int) -> list[State]:
        """Give the states from the first one on, by the steps that found them."""
        path = [number]
        while path[-1]:
            path.append(self.before[path[-1]][0])
        return [self.states[number] for number in reversed(path)]

    def first_without(self, ends: Sequence[int]) -> int | None:
        """Give the first state from which none of *ends* is reached."""
        reaches = bytearray(len(self.states))
        waiting = deque(ends)
        while waiting:
            number = waiting.pop()
            if not reaches[number]:
                reaches[number] = 1
                waiting.extend(self.before[number])
        number = reaches.find(0)
        return None if number < 0 else number
