"""Episodes are drawn from a seed and their number, and judged by what was done."""

import os
import time
import warnings
from typing import Any

import msgspec
import pytest

from mpzswap.errors import MpzswapError
from mpzswap.report.episodes import EpisodeReport
from mpzswap.report.records import LedgerReport, StressReport
from mpzswap.topology.inject import damages_compressions, fault_lines
from mpzswap.topology.model import Topology
from mpzswap.workload import chaos, stress
from mpzswap.workload.chaos import ChaosPlan, Episode, draw
from mpzswap.workload.harm import Blow, Harm
from mpzswap.workload.plan import Progress
from tests.tools.reports import episode_report, stress_report

PLAN = ChaosPlan(
    seed=5,
    topology=None,
    memory_pages=1024,
    episodes=3,
    duration_s=0,
    only=None,
    blows=True,
    faults=True,
)
DRAWN = [draw(PLAN, number) for number in range(60)]


def changed(**changes: object) -> ChaosPlan:
    """Give the plan with changes."""
    return msgspec.structs.replace(PLAN, **changes)


def ignore(_: Progress) -> None:
    """Take no notice of the progress."""


def test_episode_follows_from_its_seed_and_number() -> None:
    """So that it can be done again."""
    assert draw(PLAN, 7) == DRAWN[7]
    assert draw(changed(episodes=0, duration_s=9.0), 7) == DRAWN[7]
    assert draw(changed(seed=6), 7) != DRAWN[7]
    assert len({str(episode.plan) for episode in DRAWN}) == len(DRAWN)


def test_worker_0_is_spared() -> None:
    """A run whose workers are all dead has no result."""
    blows = [blow for episode in DRAWN for blow in episode.blows]

    assert {blow.target for blow in blows} == {"device", "worker"}
    assert {blow.sent for blow in blows} == {"SIGKILL", "SIGSTOP"}
    assert not [b for b in blows if (b.target, b.number) == ("worker", 0)]


def test_every_fault_that_may_be_drawn_is_one() -> None:
    """And each is drawn some time."""
    drawn = {
        line.partition(":")[0]
        for number in range(200)
        for line in fault_lines(draw(PLAN, number).plan.topology)
    }

    assert drawn == {line.partition(":")[0] for line in chaos.FAULTS}


def test_compressions_that_may_be_damaged_are_verified() -> None:
    """Found at load, there would be no right page any more."""
    damaged = [e.plan.topology for e in DRAWN if damages_compressions(e.plan.topology)]

    assert damaged
    assert all(topology.driver.verify_compress for topology in damaged)


def test_harm_can_be_left_out() -> None:
    """Faults and blows, each by itself."""
    no_blows = [draw(changed(blows=False), number) for number in range(20)]
    no_faults = [draw(changed(faults=False), number) for number in range(20)]

    assert not any(episode.blows for episode in no_blows)
    assert any(fault_lines(episode.plan.topology) for episode in no_blows)
    assert not any(fault_lines(episode.plan.topology) for episode in no_faults)
    assert any(episode.blows for episode in no_faults)


def test_machine_that_is_given_is_that_of_every_episode() -> None:
    """Its own attributes stay, but for those that are drawn."""
    given = changed(topology=Topology.named("spr-2s8iaa"))
    topologies = [draw(given, number).plan.topology for number in range(5)]

    assert {topology.name for topology in topologies} == {"spr-2s8iaa"}


def test_machine_without_devices_has_episodes_too() -> None:
    """There is nothing to break in it."""
    none = Topology(memory=1 << 30, sockets=Topology.for_host().sockets, devices=())
    episode = draw(changed(topology=none), 1)

    assert fault_lines(episode.plan.topology) == ()
    assert {blow.target for blow in episode.blows} <= {"worker"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [0, 1, 2]),
        ({"only": 12}, [12]),
        ({"episodes": 0, "duration_s": 2.5}, [0, 1, 2]),
        ({"episodes": 2, "duration_s": 99.0}, [0, 1]),
    ],
)
def test_episodes_are_as_many_as_asked_for(
    changes: dict[str, object], expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By number, or those that begin in time; at least one."""
    now_s = iter(range(100))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(now_s)))

    assert list(chaos.numbers(changed(**changes), 0.0)) == expected


def harmed(report: StressReport, *blows: Blow) -> list[str]:
    """Give what is unexpected in *report*, when these blows were dealt."""
    harm = Harm(())
    harm.dealt.extend(blows)
    return list(chaos.unexpected(report, harm))


def test_worker_that_was_hit_is_no_problem() -> None:
    """Another one that died is."""
    deaths = ("worker 1: died with SIGKILL", "worker 2: died with SIGSEGV")
    report = msgspec.structs.replace(
        stress_report(), dead_workers=deaths, problems=(*deaths, "pages: 1 wrong")
    )

    assert harmed(report, Blow(0.5, "worker", 1, "SIGKILL")) == [
        deaths[1],
        "pages: 1 wrong",
    ]


def test_worker_of_the_number_of_a_device_that_was_hit_is_a_problem() -> None:
    """Nobody has hit it."""
    death = "worker 1: died with SIGSEGV"
    report = msgspec.structs.replace(
        stress_report(), dead_workers=(death,), problems=(death,)
    )

    assert harmed(report, Blow(0.5, "device", 1, "SIGKILL")) == [death]


def test_what_a_run_leaves_behind_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though all of its pages are right."""
    left: list[int] = []

    def leave(*_: object) -> StressReport:
        left.append(os.open(os.devnull, os.O_RDONLY))
        return stress_report()

    monkeypatch.setattr(stress, "run", leave)
    report = chaos.run_episode(DRAWN[0], ignore)
    os.close(left[0])

    assert report.problems == ("descriptors: 1 more are open than before",)
    assert not report.ok


def test_run_that_stood_still_is_a_problem() -> None:
    """Longer than the named limits explain."""
    harm = Harm(())
    harm.longest_wait_s = chaos.WAIT_LIMIT_S + 1

    assert list(chaos.unexpected(stress_report(), harm)) == [
        "no page written or checked for 11.0 s, must be at most 10 s"
    ]


def test_run_that_fails_is_an_episode_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has no ledger, and the error is its problem."""

    def fail(*_: object) -> None:
        raise MpzswapError("no memory")

    monkeypatch.setattr(stress, "run", fail)
    report = chaos.run_episode(DRAWN[0], ignore)

    assert (report.ok, report.problems) == (False, ("no memory",))
    assert report.ledger == LedgerReport()


def test_device_that_raises_is_a_bug_and_no_death_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A machine survives it, so its report says nothing against it."""

    def warn(*_: object) -> StressReport:
        words = "device iax0: ended with exit code 1: KeyError: 5\nTraceback"
        warnings.warn(words, RuntimeWarning, stacklevel=2)
        return stress_report()

    monkeypatch.setattr(stress, "run", warn)
    with pytest.warns(RuntimeWarning, match="KeyError: 5"):
        report = chaos.run_episode(DRAWN[0], ignore)

    assert report.problems == ("device iax0: ended with exit code 1: KeyError: 5",)


def test_sums_are_those_of_all_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that failed fails the whole."""
    reports = [episode_report(number) for number in range(3)]

    def do(episode: Episode, _: Any) -> EpisodeReport:  # noqa: ANN401 - not looked at
        return reports[episode.number]

    monkeypatch.setattr(chaos, "run_episode", do)
    report = chaos.run(PLAN, ignore)

    assert report.kills == sum(each.kills for each in reports)
    assert report.ledger.out == sum(each.ledger.out for each in reports)
    assert report.injected == {"hw_error": 4, "lost": 2}
    assert [each.ok for each in report.episodes] == [True, False, True]
    assert not report.ok


def test_blow_says_what_it_is() -> None:
    """In a few words, for the report."""
    assert str(Blow(0.25, "device", 3, "SIGSTOP")) == "SIGSTOP device 3 at 25 %"
