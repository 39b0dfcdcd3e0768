"""The scheduler beside a list that is searched for the least (time, number)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from mpzswap.clock.virtual import RELAX_NS, Scheduler

SLEEP, RELAX, NOTIFY = "sleep", "relax", "notify"
# Who did its n-th act when.
Log: TypeAlias = list[tuple[int, int, int]]
# What an actor does, one after the other: how, and for how long or whom.
Program: TypeAlias = list[tuple[str, int]]

MOST_ACTORS = 5
LATE_NS = 10**9

acts = st.one_of(
    st.tuples(st.just(SLEEP), st.integers(0, 2 * RELAX_NS)),
    # Few values, so that many are due at once.
    st.tuples(st.just(SLEEP), st.sampled_from([0, 10, RELAX_NS])),
    st.tuples(st.just(RELAX), st.just(0)),
    st.tuples(st.just(NOTIFY), st.integers(0, MOST_ACTORS - 1)),
)
programs = st.lists(st.lists(acts, max_size=8), min_size=1, max_size=MOST_ACTORS)


def as_scheduled(programs: list[Program]) -> Log:
    """Give what actors do under the scheduler; each relaxes by its number."""
    scheduler, log = Scheduler(), Log()

    def act(number: int) -> None:
        doing: dict[str, Callable[[int], None]] = {
            SLEEP: scheduler.sleep,
            RELAX: lambda _: scheduler.relax(number),
            NOTIFY: scheduler.notify,
        }
        for place, (how, value) in enumerate(programs[number]):
            doing[how](value)
            log.append((scheduler.now_ns, number, place))

    for number in range(len(programs)):
        scheduler.spawn(str(number), partial(act, number))
    scheduler.run(until_ns=LATE_NS)
    return log


@dataclass
class Simple:
    """The same without actors: a list of who is due, and where it is."""

    programs: list[Program]
    now_ns: int = 0
    numbers: int = 0
    # (time, number, actor, place), where a place is what it has begun.
    due: list[tuple[int, int, int, int]] = field(default_factory=list)
    relaxing: set[int] = field(default_factory=set)
    log: Log = field(default_factory=list)

    def set(self, at_ns: int, actor: int, place: int) -> None:
        """Let an actor go on at that time."""
        self.numbers += 1
        self.due.append((at_ns, self.numbers, actor, place))

    def run(self) -> Log:
        """Take the least, until there is none."""
        for actor in range(len(self.programs)):
            self.set(0, actor, -1)
        while self.due:
            first = min(self.due)
            self.due.remove(first)
            self.now_ns, _, actor, place = first
            self.relaxing.discard(actor)
            if place >= 0:
                self.log.append((self.now_ns, actor, place))
            self.go_on(actor, place + 1)
        return self.log

    def go_on(self, actor: int, place: int) -> None:
        """Do what comes up to the next wait."""
        for at, (how, value) in list(enumerate(self.programs[actor]))[place:]:
            if how != NOTIFY:
                self.relaxing |= {actor} if how == RELAX else set()
                wait_ns = RELAX_NS if how == RELAX else value
                self.set(self.now_ns + wait_ns, actor, at)
                return
            self.wake(value)
            self.log.append((self.now_ns, actor, at))

    def wake(self, actor: int) -> None:
        """Let whoever relaxes go on now."""
        if actor in self.relaxing:
            self.relaxing.remove(actor)
            (old,) = (each for each in self.due if each[2] == actor)
            self.due.remove(old)
            self.set(self.now_ns, actor, old[3])


@given(programs)
def test_scheduler_behaves_as_a_sorted_list(programs: list[Program]) -> None:
    """Whatever actors do, who goes on when is the least of (time, number)."""
    assert as_scheduled(programs) == Simple(programs).run()


@given(programs)
def test_same_programs_run_the_same_way(programs: list[Program]) -> None:
    """Twice is once."""
    assert as_scheduled(programs) == as_scheduled(programs)
