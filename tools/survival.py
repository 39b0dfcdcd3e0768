#!/usr/bin/env python3
"""
Kills and stops under load, one a run: does each run survive, and how fast is it then?

    half of the devices, or a worker  x  SIGKILL, SIGSTOP     drawn from the seed

Each run writes and reads its pages five times; the blow falls about three of them in,
so that what is after it is such work as what is before it, the first round apart.
A run has survived if no page is wrong or lost, if nobody waited longer than the named
limits, and if nothing is left behind; with half of the devices gone it must be half as
fast at least.

    tools/survival.py --runs 200 --seed 1

Exit status: 0 all survived; 1 one did not: its line says why, --run N does it again.
"""

import argparse
import itertools
import random
import sys
from dataclasses import dataclass, field
from typing import NamedTuple

from mpzswap.errors import MpzswapError
from mpzswap.machine.core import Core
from mpzswap.topology import load
from mpzswap.workload import leftovers, stress
from mpzswap.workload.chaos import bugs_watched, unexpected
from mpzswap.workload.harm import Blow, Harm, Sent, Target
from mpzswap.workload.plan import Progress, StressPlan

TOPOLOGIES = ("laptop-2iaa", "spr-1s4iaa")
MEMORY_PAGES = 1024
WORKERS = 3
ROUNDS = 5
# How long a device may be silent, and how long the others may wait for a worker.
COMPLETION_TIMEOUT_MS = 300
STALL_TIMEOUT_S = 3.0
WATCH_INTERVAL_MS = 10
# Beside those limits: the look that notices it, on a machine with other work.
SLACK_S = 1.0
# Of the speed before, with half of the devices gone.
LEAST_SPEED = 0.5
# What the blow costs itself is not speed: a first wait of so long is not counted.
SETTLED_S = 0.1
CHANGES = (
    f"driver.completion_timeout_ms={COMPLETION_TIMEOUT_MS}",
    f"driver.watch_interval_ms={WATCH_INTERVAL_MS}",
    "driver.distribute_decomps=true",
)


class Case(NamedTuple):
    """What is done to whom in a run."""

    topology: str
    target: Target
    sent: Sent
    blows: tuple[Blow, ...]


class Moment(NamedTuple):
    """How far a run was, and when."""

    elapsed_s: float
    pages: int


@dataclass
class Course:
    """The course of a run; is told of its progress, then deals the blows."""

    harm: Harm
    moments: list[Moment] = field(default_factory=list)
    hit: Moment | None = None

    def __call__(self, core: Core, progress: Progress) -> None:
        """Note how far the run is."""
        done = progress.pages_written + progress.pages_checked
        moment = Moment(progress.elapsed_s, done)
        if not self.moments or done > self.moments[-1].pages:
            self.moments.append(moment)
        self.harm(core, progress)
        if self.harm.dealt and self.hit is None:
            self.hit = moment

    def longest_wait_s(self, elapsed_s: float) -> float:
        """Give the longest time without a page from the blow to the run's end."""
        assert self.hit is not None
        times = [m.elapsed_s for m in self.moments if m.elapsed_s >= self.hit.elapsed_s]
        waits = itertools.pairwise([self.hit.elapsed_s, *times, elapsed_s])
        return max(end - start for start, end in waits)

    def speeds(self) -> tuple[float, float]:
        """Give the pages a second before the blow, and after what it cost itself."""
        assert self.hit is not None
        # The first round has nothing to load.
        total = self.moments[-1].pages
        first = next(m for m in self.moments if m.pages * ROUNDS >= total)
        last = self.moments[-1]
        after = [m for m in self.moments if m.elapsed_s > self.hit.elapsed_s]
        settled = after[0] if after else last
        for start, end in itertools.pairwise(after):
            if end.elapsed_s - start.elapsed_s > SETTLED_S:
                settled = end
                break
        return speed(first, self.hit), speed(settled, last)


def speed(start: Moment, end: Moment) -> float:
    """Give the pages a second between two moments."""
    return (end.pages - start.pages) / max(1e-9, end.elapsed_s - start.elapsed_s)


class Verdict(NamedTuple):
    """What came of a run."""

    case: Case
    wait_s: float
    ratio: float
    pages_checked: int
    problems: list[str]


def draw(seed: int, number: int) -> Case:
    """Give the case of run *number*."""
    rng = random.Random(f"survival {seed}/{number}")  # noqa: S311 - no secret
    topology = rng.choice(TOPOLOGIES)
    target: Target = rng.choice(("device", "worker"))
    sent: Sent = rng.choice(("SIGKILL", "SIGSTOP"))
    share = rng.uniform(0.5, 0.7)
    devices = len(load.find_topology(topology).devices)
    chosen = rng.sample(range(devices), devices // 2)
    if target == "worker":
        chosen = [rng.randrange(1, WORKERS)]
    blows = tuple(Blow(share, target, index, sent) for index in chosen)
    return Case(topology, target, sent, blows)


def run(seed: int, number: int) -> Verdict:
    """Do one run and judge it."""
    case = draw(seed, number)
    course = Course(Harm(case.blows))
    plan = StressPlan(
        topology=load.find_topology(case.topology, CHANGES),
        compressor="deflate-iaa",
        workers=WORKERS,
        memory_pages=MEMORY_PAGES,
        limit_pages=WORKERS * MEMORY_PAGES // 2,
        source="mix:mixed",
        folio_pages=16,
        reclaim_batch=32,
        rounds=ROUNDS,
        duration_s=0,
        seed=seed,
        stall_timeout_s=STALL_TIMEOUT_S,
    )
    with leftovers.watched() as left, bugs_watched() as bugs:
        try:
            report = stress.run(plan, lambda _: None, course)
        except MpzswapError as error:
            return Verdict(case, 0, 0, 0, [str(error)])
    problems = [*unexpected(report, course.harm), *bugs, *left.found]
    if course.hit is None:
        return Verdict(case, 0, 0, 0, [*problems, "no process was hit"])
    wait_s = course.longest_wait_s(report.elapsed_s)
    before, after = course.speeds()
    if wait_s > limit_s(case):
        problems.append(f"nobody went on for {wait_s:.2f} s, limit {limit_s(case)} s")
    if case.target == "device" and after < LEAST_SPEED * before:
        problems.append(f"{after / before:.2f} as fast as before, least {LEAST_SPEED}")
    checked = report.verify.pages_checked
    return Verdict(case, wait_s, after / before, checked, problems)


def limit_s(case: Case) -> float:
    """Give how long a run may stand still."""
    if case.sent == "SIGKILL":
        return SLACK_S
    if case.target == "worker":
        return STALL_TIMEOUT_S + SLACK_S
    return COMPLETION_TIMEOUT_MS / 1000 + SLACK_S


def main() -> int:
    """Do all runs, say what came of each kind; 0 if all survived."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--runs", type=int, default=200, metavar="N")
    parser.add_argument("--run", type=int, metavar="N", help="this one alone")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    args = parser.parse_args()
    numbers = range(args.runs) if args.run is None else [args.run]
    verdicts: dict[tuple[str, str], list[Verdict]] = {}
    failed = 0
    for number in numbers:
        verdict = run(args.seed, number)
        case = verdict.case
        verdicts.setdefault((case.target, case.sent), []).append(verdict)
        if verdict.problems:
            failed += 1
            print(f"run {number}: {case}: {'; '.join(verdict.problems)}")
        if sys.stderr.isatty():
            print(f"\r{number + 1} of {len(numbers)}", end="", file=sys.stderr)
    for (target, sent), found in sorted(verdicts.items()):
        ratios = sorted(verdict.ratio for verdict in found)
        print(
            f"{target} {sent}: {len(found)} runs, "
            f"{sum(verdict.pages_checked for verdict in found):,} pages checked, "
            f"longest wait {max(verdict.wait_s for verdict in found):.2f} s, "
            f"speed after / before: least {ratios[0]:.2f}, "
            f"median {ratios[len(ratios) // 2]:.2f}"
        )
    print(f"{len(numbers)} runs, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
