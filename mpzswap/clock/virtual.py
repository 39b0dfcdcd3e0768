"""
The clock that makes time up: actors in one process, in the order of virtual time.

    (time, number) -> actor      those that will run: a heap
    descriptors -> actor         those that wait until something can be read
    pasid -> actor               those that relax: woken by a record, or soon

Each actor is a greenlet that runs the code that a process runs.  Where that asks its
clock to let time pass, another goes on: the one whose time comes next, and of two at
the same time the one that was set first.  Nothing else moves time, and nothing is
asked of the host, so a run is the same each time and everywhere.

The greenlet that made the scheduler is the parent.  It runs when no actor does: it
waits by ``run``, and as long as it does not, no time passes.
"""

import heapq
import select
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from greenlet import GreenletExit, getcurrent, greenlet

from mpzswap.clock.steps import Books, Costs, Step
from mpzswap.errors import MpzswapError

# How long a poller relaxes if no record of its is written: it may wait for a place in
# a queue, which nobody tells it of.  Ours; short beside what a batch takes.
RELAX_NS = 5_000


class StuckError(MpzswapError):
    """Everybody waits, and nobody is left who could end that."""


@dataclass(eq=False)
class Actor:
    """One greenlet, and what it waits for."""

    number: int
    name: str
    greenlet: greenlet
    # Of the entry in the heap that counts; older ones were overtaken.
    turn: int = 0
    fds: tuple[int, ...] = ()
    # Whether it was woken by what it waited for, and not by its limit.
    woken: bool = False


@dataclass(eq=False)
class Scheduler:
    """
    Virtual time, and whose turn it is.

    Attributes:
        now_ns: the time.
    """

    now_ns: int = 0
    _actors: list[Actor] = field(default_factory=list)
    _due: list[tuple[int, int, Actor]] = field(default_factory=list)
    _numbers: int = 0
    # Those that wait for each descriptor.
    _waiting: dict[int, list[Actor]] = field(default_factory=dict)
    _poller: select.poll = field(default_factory=select.poll)
    _relaxing: dict[int, Actor] = field(default_factory=dict)
    _ended: bool = False
    # Whose turn it is, or was last.
    _running: Actor | None = None

    def __post_init__(self) -> None:
        """Remember who waits by ``run``."""
        self._parent = getcurrent()

    # Parent

    def spawn(self, name: str, function: Callable[[], None]) -> Actor:
        """Make an actor that calls *function*; its turn is next at this time."""
        actor = Actor(len(self._actors), name, greenlet(function, self._parent))
        self._actors.append(actor)
        self._set(actor, self.now_ns)
        return actor

    def run(self, fds: Sequence[int] = (), until_ns: int | None = None) -> list[int]:
        """
        Let actors run until one of *fds* can be read, at most until *until_ns*.

        Returns:
            Which can be read.

        Raises:
            StuckError: no actor will ever run again.
        """
        poller = select.poll()
        for fd in fds:
            poller.register(fd, select.POLLIN)
        while True:
            if found := [fd for fd, _ in poller.poll(0)]:
                return sorted(found)
            self._wake_readable()
            if until_ns is not None and self._next_ns() > until_ns:
                self.now_ns = until_ns
                return []
            self._turn()

    def end(self) -> None:
        """End every actor where it stands."""
        self._ended = True
        for actor in self._actors:
            self.kill(actor)

    def kill(self, actor: Actor) -> None:
        """End an actor where it stands; if it waits to clean up, then after that."""
        self._running = actor
        actor.greenlet.throw()
        if actor.greenlet.dead:
            actor.turn = 0

    # Actors

    def sleep(self, duration_ns: int) -> None:
        """Let the others run until that much time has passed."""
        self._set(self._current(), self.now_ns + max(0, duration_ns))
        self._pass()

    def relax(self, key: int) -> None:
        """Let the others run until *key* is notified, at most ``RELAX_NS``."""
        actor = self._current()
        self._relaxing[key] = actor
        self._set(actor, self.now_ns + RELAX_NS)
        try:
            self._pass()
        finally:
            self._relaxing.pop(key, None)

    def notify(self, key: int) -> None:
        """Let whoever relaxes with *key* go on at this time."""
        actor = self._relaxing.pop(key, None)
        if actor is not None:
            self._set(actor, self.now_ns)

    def wait_readable(
        self, fds: Sequence[int], limit_ns: int | None, events: int = select.POLLIN
    ) -> bool:
        """Let the others run until one of *fds* has *events*, or the limit passes."""
        actor = self._current()
        actor.woken, actor.fds = False, tuple(fds)
        for fd in fds:
            self._waiting.setdefault(fd, []).append(actor)
            self._poller.register(fd, events)
        if limit_ns is not None:
            self._set(actor, self.now_ns + max(0, limit_ns))
        try:
            self._pass()
        finally:
            self._wait_no_more(actor)
        return actor.woken

    def _wait_no_more(self, actor: Actor) -> None:
        """Forget the descriptors that it waited for."""
        for fd in actor.fds:
            self._waiting[fd].remove(actor)
            if not self._waiting[fd]:
                del self._waiting[fd]
                self._poller.unregister(fd)
        actor.fds = ()

    def _pass(self) -> None:
        """Let the others run, until our turn comes."""
        if self._ended:
            # Whoever cleans up at its end does not wait for anybody.
            raise GreenletExit
        self._parent.switch()

    # Turns

    def _current(self) -> Actor:
        """Give the actor that runs."""
        actor = self._running
        if actor is None or actor.greenlet is not getcurrent():
            raise MpzswapError(
                "virtual clock: whoever made it cannot let time pass itself"
            )
        return actor

    def _set(self, actor: Actor, at_ns: int) -> None:
        """Let *actor* go on at that time, and at no other."""
        self._numbers += 1
        actor.turn = self._numbers
        heapq.heappush(self._due, (at_ns, self._numbers, actor))

    def _next_ns(self) -> float:
        """Give when somebody goes on; infinity: nobody does."""
        due = self._due
        while due and due[0][1] != due[0][2].turn:
            heapq.heappop(due)
        return due[0][0] if due else float("inf")

    def _turn(self) -> None:
        """Let one actor go on until it lets time pass."""
        if self._next_ns() == float("inf"):
            waiting = sorted({a.name for each in self._waiting.values() for a in each})
            raise StuckError(
                f"virtual clock: stuck at {self.now_ns} ns; waiting: "
                + (", ".join(waiting) or "nobody")
            )
        self.now_ns, _, actor = heapq.heappop(self._due)
        actor.turn = 0
        self._running = actor
        actor.greenlet.switch()

    def _wake_readable(self) -> None:
        """Let those go on that wait for what can be read now."""
        if not self._waiting:
            return
        ready = {a.number for fd, _ in self._poller.poll(0) for a in self._waiting[fd]}
        for number in sorted(ready):
            actor = self._actors[number]
            if not actor.woken:
                actor.woken = True
                self._set(actor, self.now_ns)


class VirtualClock:
    """
    Virtual time, as one actor has it.

    Args:
        scheduler: whose time it is.
        costs: what each step takes, ns.
    """

    def __init__(self, scheduler: Scheduler, costs: Costs) -> None:
        self._scheduler = scheduler
        self._costs = costs
        self._books = Books.of_all_steps()
        # What it relaxed: whoever polls keeps its core.
        self._relaxed_ns = 0

    def now_ns(self) -> int:
        """Give the virtual time."""
        return self._scheduler.now_ns

    def relax(self, pasid: int = 0) -> None:
        """Go on as soon as a record of ours is written; a core is used meanwhile."""
        before_ns = self._scheduler.now_ns
        self._scheduler.relax(pasid)
        self._relaxed_ns += self._scheduler.now_ns - before_ns

    def sleep_ns(self, duration_ns: int) -> None:
        """Let that time pass."""
        self._scheduler.sleep(duration_ns)

    def wait_readable(self, fds: Sequence[int], limit_ns: int) -> bool:
        """Let time pass until somebody writes."""
        return self._scheduler.wait_readable(fds, limit_ns)

    def spend(self, step: Step, times: int = 1) -> None:
        """Let the time of the steps pass."""
        cost_ns = round(self._costs[step] * times)
        if cost_ns:
            self._books.spent_ns[step] += cost_ns
            self._books.steps += 1
            self._scheduler.sleep(cost_ns)

    def notify(self, pasid: int) -> None:
        """Wake whoever relaxes until then."""
        self._scheduler.notify(pasid)

    def cpu_ns(self) -> int:
        """Give the virtual time that this actor has computed, or looked."""
        return sum(self._books.spent_ns) + self._relaxed_ns

    def books(self) -> Books:
        """Give what was spent; nothing is ever late."""
        return self._books
