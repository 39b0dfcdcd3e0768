"""Virtual time: whose turn it is, what ends a wait, and what is counted."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import pytest

from mpzswap.clock.steps import Step
from mpzswap.clock.virtual import RELAX_NS, Scheduler, StuckError, VirtualClock
from mpzswap.errors import MpzswapError
from tests.tools.eventfd import new_eventfd

COSTS = tuple(float(step) for step in Step)


@pytest.fixture
def eventfds() -> Iterator[Callable[[], int]]:
    """Give what makes eventfds that are closed after the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(new_eventfd())


class Play:
    """Actors, and what they say with the time at which they do."""

    def __init__(self) -> None:
        self.scheduler = Scheduler()
        self.said: list[tuple[int, object]] = []

    def say(self, word: object) -> None:
        """Note it, with the time."""
        self.said.append((self.scheduler.now_ns, word))

    def sleeper(self, name: str, *durations_ns: int) -> None:
        """Let an actor sleep, and say its name after each."""

        def act() -> None:
            for duration_ns in durations_ns:
                self.scheduler.sleep(duration_ns)
                self.say(name)

        self.scheduler.spawn(name, act)

    def waiter(self, name: str, fd: int, limit_ns: int | None = None) -> None:
        """Let an actor wait for *fd*, and say whether it came."""

        def act() -> None:
            self.say((name, self.scheduler.wait_readable([fd], limit_ns)))

        self.scheduler.spawn(name, act)

    def play(self, until_ns: int = 1_000_000) -> list[tuple[int, object]]:
        """Let them run; give what was said."""
        self.scheduler.run(until_ns=until_ns)
        return self.said


# Turns


def test_actors_go_on_in_the_order_of_time() -> None:
    """Whoever was made first does not matter."""
    play = Play()
    play.sleeper("late", 30)
    play.sleeper("early", 10, 10)

    assert play.play() == [(10, "early"), (20, "early"), (30, "late")]


def test_actors_at_one_time_go_on_in_the_order_of_setting() -> None:
    """The one that began to wait for it first."""
    play = Play()
    play.sleeper("second", 10, 20)
    play.sleeper("first", 30)

    assert play.play() == [(10, "second"), (30, "first"), (30, "second")]


def test_actor_that_is_made_begins_at_this_time() -> None:
    """Behind those whose turn it was already."""
    play = Play()

    def parent() -> None:
        play.scheduler.sleep(10)
        play.scheduler.spawn("child", lambda: play.say("child"))
        play.say("parent")

    play.scheduler.spawn("parent", parent)

    assert play.play() == [(10, "parent"), (10, "child")]


def test_actor_that_ends_lets_the_others_go_on() -> None:
    """Its end is not asked for."""
    play = Play()
    play.sleeper("short")
    play.sleeper("long", 5)

    assert play.play() == [(5, "long")]


def test_sleep_of_less_than_nothing_is_none() -> None:
    """Time never goes back."""
    play = Play()
    play.sleeper("one", 10, -5)

    assert play.play() == [(10, "one"), (10, "one")]


def test_time_stops_where_the_parent_looks() -> None:
    """What is due later runs later."""
    play = Play()
    play.sleeper("one", 10, 90)

    assert play.play(until_ns=40) == [(10, "one")]
    assert play.scheduler.now_ns == 40
    assert play.play()[1:] == [(100, "one")]


def test_parent_goes_on_as_soon_as_its_descriptor_can_be_read(
    eventfds: Callable[[], int],
) -> None:
    """It is told which, in order; nobody else has moved meanwhile."""
    play, first, second = Play(), eventfds(), eventfds()

    def act() -> None:
        play.scheduler.sleep(7)
        os.eventfd_write(second, 1)
        os.eventfd_write(first, 1)
        play.scheduler.sleep(1)
        play.say("moved")

    play.scheduler.spawn("writer", act)

    assert play.scheduler.run([second, first]) == [first, second]
    assert (play.scheduler.now_ns, play.said) == (7, [])


def test_exception_of_an_actor_reaches_the_parent() -> None:
    """And the others may go on after it."""
    play = Play()
    play.sleeper("other", 20)

    def act() -> None:
        play.scheduler.sleep(10)
        raise LookupError("nothing there")

    play.scheduler.spawn("bad", act)

    with pytest.raises(LookupError, match="nothing there"):
        play.play()
    assert play.scheduler.now_ns == 10
    assert play.play() == [(20, "other")]


# Relaxing


def relaxing(play: Play, key: int) -> None:
    """Let an actor relax once, and say so."""

    def act() -> None:
        play.scheduler.relax(key)
        play.say(key)

    play.scheduler.spawn(f"poller {key}", act)


def test_whoever_relaxes_goes_on_when_it_is_told() -> None:
    """At that time, and others do not."""
    play = Play()
    relaxing(play, 1)
    relaxing(play, 2)

    def act() -> None:
        play.scheduler.sleep(10)
        play.scheduler.notify(2)

    play.scheduler.spawn("device", act)

    assert play.play() == [(10, 2), (RELAX_NS, 1)]


def test_word_that_comes_after_the_limit_wakes_nobody() -> None:
    """Nor does one for somebody who never relaxed."""
    play = Play()
    relaxing(play, 1)
    play.play()
    play.scheduler.notify(1)
    play.scheduler.notify(7)

    assert play.play() == [(RELAX_NS, 1)]


# Descriptors


def test_waiter_goes_on_when_somebody_writes(eventfds: Callable[[], int]) -> None:
    """At the time of the writing; only the one who waits for it."""
    play, mine, other = Play(), eventfds(), eventfds()
    play.waiter("mine", mine, 50)
    play.waiter("other", other, 50)

    def act() -> None:
        play.scheduler.sleep(10)
        os.eventfd_write(mine, 1)

    play.scheduler.spawn("writer", act)

    assert play.play() == [(10, ("mine", True)), (50, ("other", False))]


def test_waiter_for_what_is_there_already_goes_on(
    eventfds: Callable[[], int],
) -> None:
    """No time passes; nor is there any need of a limit."""
    play, fd = Play(), eventfds()
    os.eventfd_write(fd, 1)
    play.waiter("one", fd)

    assert play.play() == [(0, ("one", True))]


def test_two_waiters_are_woken_in_the_order_of_their_making(
    eventfds: Callable[[], int],
) -> None:
    """Whatever the numbers of their descriptors, and who wrote first."""
    play, first, second = Play(), eventfds(), eventfds()
    play.waiter("a", second)
    play.waiter("b", first)
    play.play(until_ns=5)
    os.eventfd_write(first, 1)
    os.eventfd_write(second, 1)

    assert play.play() == [(5, ("a", True)), (5, ("b", True))]


def test_two_may_wait_for_the_same(eventfds: Callable[[], int]) -> None:
    """Both are woken; where one has had enough, the other waits on."""
    play, fd = Play(), eventfds()
    play.waiter("impatient", fd, 10)
    play.waiter("a", fd)
    play.waiter("b", fd, 100)
    play.play(until_ns=50)
    os.eventfd_write(fd, 1)

    assert play.play() == [
        (10, ("impatient", False)),
        (50, ("a", True)),
        (50, ("b", True)),
    ]


def test_waiter_without_limit_waits_as_long_as_it_takes(
    eventfds: Callable[[], int],
) -> None:
    """Others make the time pass."""
    play, fd = Play(), eventfds()
    play.waiter("one", fd)
    play.sleeper("other", 500_000)
    play.play()
    os.eventfd_write(fd, 1)

    assert play.play()[-1] == (1_000_000, ("one", True))


def test_waiter_is_named_where_everybody_waits(eventfds: Callable[[], int]) -> None:
    """Whoever reads it knows where to look."""
    play = Play()
    play.sleeper("sleeper", 70)
    play.waiter("device iax1", eventfds())
    play.waiter("device iax0", eventfds())

    with pytest.raises(StuckError, match="stuck at 70 ns; waiting: device iax0, devi"):
        play.scheduler.run()


def test_nobody_is_named_where_all_have_ended() -> None:
    """The parent waits for what nobody will write."""
    with pytest.raises(StuckError, match="stuck at 0 ns; waiting: nobody"):
        Scheduler().run()


# The end


def test_end_runs_what_actors_clean_up() -> None:
    """Where they stand; those that wait again at that are not waited for."""
    play = Play()

    def act() -> None:
        try:
            play.scheduler.sleep(100)
            play.say("never")
        finally:
            play.say("cleaned")
            play.scheduler.sleep(1)
            play.say("nor this")

    play.scheduler.spawn("one", act)
    play.play(until_ns=10)
    play.scheduler.end()

    assert play.said == [(10, "cleaned")]


def test_end_of_actors_that_have_ended_is_nothing() -> None:
    """Nor of one that never began."""
    play = Play()
    play.sleeper("done", 1)
    play.play()
    play.sleeper("never", 1)
    play.scheduler.end()

    assert play.said == [(1, "done")]


def test_actor_that_is_killed_has_no_turn_any_more(
    eventfds: Callable[[], int],
) -> None:
    """Nor does it wait for anything: others may, for the same."""
    play, fd = Play(), eventfds()
    play.waiter("other", fd, 80)
    play.waiter("gone", fd, 50)
    play.play(until_ns=10)
    play.scheduler.kill(play.scheduler._actors[-1])
    os.eventfd_write(fd, 1)

    assert play.play() == [(10, ("other", True))]
    assert play.scheduler._waiting == {}


def test_killed_actor_may_wait_for_its_cleaning_up() -> None:
    """As long as time passes at all."""
    play = Play()

    def act() -> None:
        try:
            play.scheduler.sleep(100)
        finally:
            play.scheduler.sleep(5)
            play.say("cleaned")

    actor = play.scheduler.spawn("one", act)
    play.play(until_ns=10)
    play.scheduler.kill(actor)

    assert play.play() == [(15, "cleaned")]


# The parent


def may_not(scheduler: Scheduler) -> None:
    """Look that the parent may not let time pass by itself."""
    clock = VirtualClock(scheduler, COSTS)
    for act in (
        lambda: clock.sleep_ns(1),
        lambda: clock.relax(1),
        lambda: clock.spend(Step.SOFTWARE_COMPRESS),
        lambda: clock.wait_readable([], 1),
    ):
        with pytest.raises(MpzswapError, match="cannot let time pass itself"):
            act()


def test_parent_cannot_let_time_pass_before_the_first_turn() -> None:
    """It has no turn that could end."""
    may_not(Scheduler())


def test_parent_cannot_let_time_pass_between_turns() -> None:
    """It is not the actor that ran last."""
    play = Play()
    play.sleeper("one", 10, 10)
    play.play(until_ns=15)
    may_not(play.scheduler)

    assert play.play()[-1] == (20, "one")


# The clock of an actor


def acting(act: Callable[[VirtualClock], None]) -> VirtualClock:
    """Let an actor use its clock; give it, after its end."""
    scheduler = Scheduler()
    clock = VirtualClock(scheduler, COSTS)
    scheduler.spawn("one", lambda: act(clock))
    scheduler.run(until_ns=1_000_000)
    return clock


def test_steps_add_up() -> None:
    """In the books, in the time, and in what the processor did."""
    times = []

    def act(clock: VirtualClock) -> None:
        clock.spend(Step.STORE_CALL)
        clock.spend(Step.SWAP_OUT_4K, 16)
        clock.spend(Step.STORE_CALL, 2)
        times.append(clock.now_ns())

    clock = acting(act)
    spent = clock.books().spent_ns

    assert (spent[Step.STORE_CALL], spent[Step.SWAP_OUT_4K]) == (18, 144)
    assert times == [sum(spent)] == [clock.cpu_ns()] == [162]
    assert (clock.books().steps, clock.books().late) == (3, 0)


def test_part_of_a_ns_is_rounded_for_all_times_together() -> None:
    """The figures of a profile are no whole numbers."""
    scheduler = Scheduler()
    clock = VirtualClock(scheduler, (0.4,) * len(Step))
    scheduler.spawn("one", lambda: clock.spend(Step.LOAD_CALL, 10))
    scheduler.run(until_ns=100)

    assert clock.books().spent_ns[Step.LOAD_CALL] == 4


def test_step_that_costs_nothing_lets_nobody_else_run() -> None:
    """It is no step at all."""
    said = []

    def act(clock: VirtualClock) -> None:
        clock._scheduler.spawn("other", lambda: said.append("other"))
        clock.spend(Step.COMPRESS_CALL, 5)
        said.append("one")

    clock = acting(act)

    assert said == ["one", "other"]
    assert clock.books().steps == 0


def test_processor_is_used_by_polling_and_not_by_sleeping() -> None:
    """As usage of a process is counted."""

    def act(clock: VirtualClock) -> None:
        clock.sleep_ns(1000)
        clock.wait_readable([], 1000)
        clock.relax(1)

    assert acting(act).cpu_ns() == RELAX_NS


def test_two_actors_have_books_of_their_own() -> None:
    """And the time is of both."""
    scheduler = Scheduler()
    clocks = [VirtualClock(scheduler, COSTS) for _ in range(2)]
    for times, clock in enumerate(clocks, 1):
        scheduler.spawn("one", partial(clock.spend, Step.LOAD_CALL, times))
    scheduler.run(until_ns=1000)

    assert [clock.cpu_ns() for clock in clocks] == [7, 14]
