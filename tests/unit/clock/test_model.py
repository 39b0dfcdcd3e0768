"""Model time: wall time by a scale, and steps that last as long as they are to."""

import os
import time
from dataclasses import dataclass, field

import pytest

from mpzswap.clock import model
from mpzswap.clock.config import WORK, ClockConfig, make_clock
from mpzswap.clock.model import ModelClock
from mpzswap.clock.steps import Step
from mpzswap.clock.work import WorkClock
from tests.tools.eventfd import new_eventfd

EPOCH_NS = 5_000_000
SCALE = 10.0
# Model ns of each step; the last is free.
COSTS = (*(1000.0,) * (len(Step) - 1), 0.0)
FREE = Step.SWAP_OUT_2M


@dataclass
class Wall:
    """
    The host's time, which passes by sleeping, and by *oversleep_ns* more.

    Attributes:
        ns: CLOCK_MONOTONIC.
        slept: how long each sleep was to be, ns.
    """

    ns: int = EPOCH_NS
    oversleep_ns: int = 0
    slept: list[int] = field(default_factory=list)

    def sleep(self, duration_s: float) -> None:
        """Let it pass."""
        self.slept.append(round(duration_s * 1e9))
        self.ns += self.slept[-1] + self.oversleep_ns


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """Give the time that the clock has."""
    made = Wall()
    monkeypatch.setattr(model, "time", made)
    monkeypatch.setattr(made, "monotonic_ns", lambda: made.ns, raising=False)
    return made


@pytest.fixture
def clock(wall: Wall) -> ModelClock:
    """Give a clock at the beginning of its time."""
    return ModelClock(COSTS, SCALE, wall.ns)


def test_scale_is_wall_time_for_model_time(wall: Wall, clock: ModelClock) -> None:
    """It begins at the epoch."""
    assert clock.now_ns() == 0
    wall.ns += 10_000

    assert clock.now_ns() == 1000


def test_clocks_of_one_epoch_show_the_same(wall: Wall) -> None:
    """Whenever a process began: stamps of one are compared by another."""
    early = ModelClock(COSTS, SCALE, EPOCH_NS)
    wall.ns += 70_000
    late = ModelClock(COSTS, SCALE, EPOCH_NS)

    assert early.now_ns() == late.now_ns() == 7000


def test_sleep_is_of_model_time(wall: Wall, clock: ModelClock) -> None:
    """The host sleeps longer."""
    clock.sleep_ns(300)

    assert wall.slept == [3000]
    assert clock.now_ns() == 300


def test_spend_waits_for_the_end_of_the_step(wall: Wall, clock: ModelClock) -> None:
    """Of as many as there are."""
    clock.spend(Step.STORE_CALL, 3)

    assert wall.slept == [30_000]
    assert clock.now_ns() == 3000


def test_spend_waits_for_what_work_has_left_of_the_step(
    wall: Wall, clock: ModelClock
) -> None:
    """What the host did meanwhile is part of it."""
    wall.ns += 4000
    clock.spend(Step.STORE_CALL)

    assert wall.slept == [6000]
    assert clock.now_ns() == 1000


def test_step_after_one_that_overslept_ends_in_time(
    wall: Wall, clock: ModelClock
) -> None:
    """Sleeps that end late do not add up."""
    wall.oversleep_ns = 2000
    for _ in range(3):
        clock.spend(Step.STORE_CALL)

    assert wall.slept == [10_000, 8000, 8000]
    assert clock.now_ns() == 3200
    assert clock.books().late == 0


def test_work_that_takes_longer_than_its_step_is_counted_late(
    wall: Wall, clock: ModelClock
) -> None:
    """By how much; the next step begins when it is over."""
    wall.ns += 25_000
    clock.spend(Step.STORE_CALL)
    books = clock.books()
    assert (wall.slept, books.late, books.late_ns) == ([], 1, 1500)
    clock.spend(Step.STORE_CALL)

    assert clock.now_ns() == 3500
    assert (books.steps, books.late, books.late_ns) == (2, 1, 1500)


def test_step_that_ends_now_is_not_late(wall: Wall, clock: ModelClock) -> None:
    """It was done in just its time."""
    wall.ns += 10_000
    clock.spend(Step.STORE_CALL)

    assert wall.slept == [0]
    assert (clock.books().steps, clock.books().late) == (1, 0)


def test_steps_are_in_the_books(wall: Wall, clock: ModelClock) -> None:
    """As what they cost, on time or not."""
    clock.spend(Step.STORE_CALL)
    wall.ns += 90_000
    clock.spend(Step.LOAD_CALL, 2)
    spent = clock.books().spent_ns

    assert (spent[Step.STORE_CALL], spent[Step.LOAD_CALL]) == (1000, 2000)


def test_step_that_costs_nothing_is_none(wall: Wall, clock: ModelClock) -> None:
    """Its work is part of the next one."""
    wall.ns += 4000
    clock.spend(FREE)
    assert clock.books().steps == 0
    clock.spend(Step.STORE_CALL)

    assert wall.slept == [6000]


def test_what_was_relaxed_is_part_of_no_step(wall: Wall, clock: ModelClock) -> None:
    """It was waiting, and no work; nor is it what was slept."""
    clock.relax()
    clock.sleep_ns(500)
    before_ns = clock.now_ns()
    clock.spend(Step.STORE_CALL)

    assert wall.slept[-1] == pytest.approx(10_000, abs=SCALE)
    assert clock.now_ns() - before_ns == pytest.approx(1000, abs=1)
    assert clock.books().late == 0


def test_relax_is_shorter_than_a_step_and_long_for_the_host(wall: Wall) -> None:
    """At a small scale a sleep of the model's length would not be worth it."""
    ModelClock(COSTS, 1.0, wall.ns).relax()
    ModelClock(COSTS, 1000.0, wall.ns).relax()

    assert wall.slept == [20_000, 50_000]


def test_wait_ends_when_something_can_be_read() -> None:
    """And says so; a limit that has passed is no wait."""
    clock = ModelClock(COSTS, 1.0, time.monotonic_ns())
    with new_eventfd() as fd:
        assert not clock.wait_readable([fd], 0)
        assert not clock.wait_readable([fd], -5)
        os.eventfd_write(fd, 1)

        assert clock.wait_readable([fd], 10**12)


def test_what_was_waited_is_part_of_no_step(wall: Wall, clock: ModelClock) -> None:
    """Whoever was woken begins its next step then."""
    wall.ns += 70_000
    clock.wait_readable([], 0)
    clock.spend(Step.INTERRUPT)

    assert (wall.slept, clock.books().late) == ([10_000], 0)
    assert clock.now_ns() == 8000


# Which clock


def test_clock_is_the_one_that_is_asked_for() -> None:
    """Of real work unless one says so."""
    assert isinstance(make_clock(WORK), WorkClock)
    assert isinstance(make_clock(ClockConfig("model", COSTS)), ModelClock)


def test_time_begins_when_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """All else stays; what a plan says is no epoch yet."""
    config = ClockConfig("model", COSTS, 3.0)
    monkeypatch.setattr(time, "monotonic_ns", lambda: 77)

    assert config.epoch_ns == 0
    assert config.begun_now() == ClockConfig("model", COSTS, 3.0, 77)


def test_devices_keep_a_profile_s_time_unless_work_is_real() -> None:
    """Both clocks that have one."""
    timed = [ClockConfig(name).is_timed for name in ("work", "model", "virtual")]

    assert timed == [False, True, True]
