"""
Chaos: stress runs that are harmed on purpose, one after the other, and must be right.

    seed, number --draw--> Episode: a plan, faults of devices, blows to processes
        -> stress run under harm -> ledger, checks, what is left behind -> its report

An episode follows from the seed and its number alone, so that one which failed can be
done again by itself.  What was drawn is the same then; at which instruction a blow
hits is not.
"""

import contextlib
import random
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from operator import add

import msgspec

from mpzswap.errors import MpzswapError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.report.episodes import ChaosReport, EpisodeReport
from mpzswap.report.records import LedgerReport, StressReport, VerifyReport
from mpzswap.report.stress import injected_of
from mpzswap.topology import load
from mpzswap.topology.inject import damages_compressions, fault_lines, with_faults
from mpzswap.topology.model import Topology
from mpzswap.version import __version__
from mpzswap.workload import leftovers, stress
from mpzswap.workload.harm import Blow, Harm, Target
from mpzswap.workload.plan import Progress, StressPlan

# Named limits of an episode, so that hundreds of deaths are seen in minutes: how long
# a device may be silent, and how long the others may wait for a worker.
COMPLETION_TIMEOUT_MS = 300
STALL_TIMEOUT_S = 4.0
WATCH_INTERVAL_MS = 10
# No page written or checked for so long is a hang: the others wait for a worker, then
# for a device that is started anew, and this host may have other work.
WAIT_LIMIT_S = STALL_TIMEOUT_S + 6.0
# Attempts, a millisecond apart, to get a place in a queue.
ALLOC_RETRIES = 50

TOPOLOGIES = ("laptop-2iaa", "spr-1s4iaa")
COMPRESSORS = ("lz4", "zstd:1", "deflate-iaa")
MAX_WORKERS = 4
MAX_BLOWS = 6
MAX_FAULTS = 3
FOLIOS = (1, 4, 16, 32)
# Blows come in this part of a run: all processes are at work then.
FIRST_SHARE, LAST_SHARE = 0.05, 0.9
# Of so many folios one is given up instead of read.
DROP_EVERY = 7

# Rare, so that the rest of the run is not lost to it; see ``topology.faults``.
FAULTS = (
    *("wrong_data:p=1%", "truncated:p=1%", "page_fault:p=1%", "output_overflow:p=1%"),
    *("watchdog:p=1%", "hw_error:p=1%", "status:code=TRANSLATION_FAIL,p=1%"),
    *("late:delay=5ms,p=1%", "duplicate:p=5%", "slow:delay=1ms,p=5%"),
    *("lost:after=500,count=1", "crash:after=700", "stop:after=900"),
    "queue_full:p=20%",
)

OnProgress = Callable[[Progress], None]


class ChaosPlan(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is asked for.

    Attributes:
        topology: of every episode; None: drawn.
        memory_pages: of each worker.
        episodes: how many; 0: as many as the duration gives.
        duration_s: none begins after so long; 0: no limit.
        only: do this episode alone; None: from the first on.
        blows, faults: whether there are any.
    """

    seed: int
    topology: Topology | None
    memory_pages: int
    episodes: int
    duration_s: float
    only: int | None
    blows: bool
    faults: bool


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """One run, all of it drawn."""

    number: int
    plan: StressPlan
    blows: tuple[Blow, ...]


def run(chaos: ChaosPlan, on_progress: OnProgress) -> ChaosReport:
    """Do every episode; what went wrong is in the report."""
    started_s = time.monotonic()
    reports: list[EpisodeReport] = []
    for number in numbers(chaos, started_s):
        episode = draw(chaos, number)
        reports.append(
            run_episode(episode, stress.named(f"episode {number}", on_progress))
        )
    return summarize(chaos, reports, time.monotonic() - started_s)


def numbers(chaos: ChaosPlan, started_s: float) -> Iterator[int]:
    """Give the number of each episode that is to be done, while there is time."""
    if chaos.only is not None:
        yield chaos.only
        return
    number = 0
    while not chaos.episodes or number < chaos.episodes:
        elapsed_s = time.monotonic() - started_s
        if number and chaos.duration_s and elapsed_s > chaos.duration_s:
            return
        yield number
        number += 1


# Drawing


def draw(chaos: ChaosPlan, number: int) -> Episode:
    """Give episode *number*."""
    # Not random.seed of a tuple: text is the same in every version of Python.
    rng = random.Random(f"{chaos.seed}/{number}")  # noqa: S311 - chaos is no secret
    topology = draw_topology(chaos, rng)
    if chaos.faults:
        lines = draw_faults(topology, rng)
        topology = with_faults(topology, lines, rng.randrange(1 << 32))
        if damages_compressions(topology):
            # Else it is found at load, when there is no right page any more.
            topology = load.changed(topology, ["driver.verify_compress=true"])
    workers = rng.randint(1, MAX_WORKERS)
    memory_pages = chaos.memory_pages
    plan = StressPlan(
        topology=topology,
        compressor=rng.choice(COMPRESSORS),
        workers=workers,
        memory_pages=memory_pages,
        limit_pages=workers * memory_pages * rng.randint(50, 80) // 100,
        source="mix:mixed",
        folio_pages=rng.choice(FOLIOS),
        reclaim_batch=rng.choice((1, 8, 32)),
        swap_areas=rng.choice(((), (memory_pages,), (memory_pages, memory_pages))),
        rounds=rng.randint(2, 3),
        duration_s=0,
        seed=chaos.seed,
        drop_every=rng.choice((0, DROP_EVERY)),
        stall_timeout_s=STALL_TIMEOUT_S,
    )
    blows = draw_blows(plan, rng) if chaos.blows else ()
    return Episode(number=number, plan=plan, blows=blows)


def draw_topology(chaos: ChaosPlan, rng: random.Random) -> Topology:
    """Give a machine with drawn attributes and short limits."""
    topology = chaos.topology or Topology.named(rng.choice(TOPOLOGIES))
    drawn = {
        "driver.sync_mode": rng.choice(("sync", "async", "async_irq")),
        "driver.verify_compress": rng.choice(("true", "false", "false")),
        "driver.distribute_decomps": rng.choice(("true", "false")),
        "driver.completion_timeout_ms": COMPLETION_TIMEOUT_MS,
        "driver.watch_interval_ms": WATCH_INTERVAL_MS,
        "driver.comp_alloc_retries": ALLOC_RETRIES,
        "driver.decomp_alloc_retries": ALLOC_RETRIES,
        "zswap.batching": rng.choice(("off", "requests", "driver")),
        "zswap.batch_size": rng.choice((1, 3, 8, 17)),
        "zswap.page_cluster": rng.choice((0, 3)),
        "devices.restart": rng.choice(("never", "on-failure", "on-failure")),
        "devices.restart_backoff_ms": rng.choice((0, 20, 100)),
        "devices.restart_limit": rng.choice((1, 3)),
    }
    # A pool that is full with what one worker has, or one that never is.
    if rng.random() < 1 / 2:
        drawn["memory"] = 2 * chaos.memory_pages * PAGE_SIZE
    return load.changed(topology, [f"{key}={value}" for key, value in drawn.items()])


def draw_faults(topology: Topology, rng: random.Random) -> list[str]:
    """Give lines for ``with_faults``, each for one device."""
    devices = [device.name for device in topology.devices]
    if not devices:
        return []
    chosen = rng.sample(FAULTS, rng.randint(0, MAX_FAULTS))
    return [f"{line},device={rng.choice(devices)}" for line in chosen]


def draw_blows(plan: StressPlan, rng: random.Random) -> tuple[Blow, ...]:
    """Give blows; worker 0 is spared, so that the run has a result."""
    targets: list[tuple[Target, int]] = [
        ("device", i) for i in range(len(plan.topology.devices))
    ]
    targets += [("worker", i) for i in range(1, plan.workers)]
    if not targets:
        return ()
    return tuple(
        Blow(rng.uniform(FIRST_SHARE, LAST_SHARE), *rng.choice(targets), sent)
        for sent in rng.choices(("SIGKILL", "SIGSTOP"), k=rng.randint(0, MAX_BLOWS))
    )


# Doing


def run_episode(episode: Episode, on_progress: OnProgress) -> EpisodeReport:
    """Do one; nothing of it is left when this returns, or the report says so."""
    harm = Harm(episode.blows)
    report: StressReport | None = None
    failure = ""
    started_s = time.monotonic()
    with leftovers.watched() as left, bugs_watched() as bugs:
        try:
            report = stress.run(episode.plan, on_progress, harm)
        except MpzswapError as error:
            failure = str(error)
    problems = [
        *([failure] if failure else []),
        *(unexpected(report, harm) if report else []),
        *bugs,
        *left.found,
    ]
    return EpisodeReport(
        number=episode.number,
        settings=settings_of(episode.plan),
        faults=fault_lines(episode.plan.topology),
        blows=tuple(map(str, harm.dealt)),
        kills=sum(blow.sent == "SIGKILL" for blow in harm.dealt),
        stops=sum(blow.sent == "SIGSTOP" for blow in harm.dealt),
        restarts=sum(d.restarts for d in report.devices) if report else 0,
        injected=injected_of(report.devices) if report else {},
        ledger=report.ledger if report else LedgerReport(),
        verify=report.verify if report else VerifyReport(0, 0, 0),
        elapsed_s=round(time.monotonic() - started_s, 3),
        problems=tuple(problems),
        ok=not problems,
    )


@contextlib.contextmanager
def bugs_watched() -> Iterator[list[str]]:
    """
    Note that a device or a worker raised, which no blow and no fault makes it do.

    A machine survives it and warns, and so no report of it calls it a problem.
    """
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        yield found
    # The first line: after it comes the traceback, which is shown below.
    found += [str(each.message).partition("\n")[0] for each in caught]
    for each in caught:
        warnings.warn_explicit(
            str(each.message), each.category, each.filename, each.lineno
        )


def unexpected(report: StressReport, harm: Harm) -> Iterator[str]:
    """Give what is wrong with a run, but for the workers that we have hit."""
    ours = {
        death for death in report.dead_workers if harm.hit("worker", number_of(death))
    }
    yield from (problem for problem in report.problems if problem not in ours)
    if harm.longest_wait_s > WAIT_LIMIT_S:
        yield (
            f"no page written or checked for {harm.longest_wait_s:.1f} s, must be at "
            f"most {WAIT_LIMIT_S:g} s"
        )


def number_of(death: str) -> int:
    """Give the number of the worker whose death is told so: "worker 1: died ..."."""
    return int(death.partition(":")[0].split()[1])


def settings_of(plan: StressPlan) -> str:
    """Say in a line what was drawn."""
    driver, zswap = plan.topology.driver, plan.topology.zswap
    words = [
        f"{plan.topology.name}, {plan.workers} workers, {plan.compressor}",
        f"{driver.sync_mode}, {zswap.batching} of {zswap.batch_size}",
        f"folios of {plan.folio_pages} pages, {len(plan.swap_areas)} swap areas",
    ]
    if driver.verify_compress:
        words.append("verified")
    if any(device.max_restarts for device in plan.topology.devices):
        words.append("restart on-failure")
    return ", ".join(words)


def summarize(
    chaos: ChaosPlan, reports: Sequence[EpisodeReport], elapsed_s: float
) -> ChaosReport:
    """Add the episodes up."""
    injected = sum((Counter(each.injected) for each in reports), Counter[str]())
    return ChaosReport(
        version=__version__,
        clock="work",
        seed=chaos.seed,
        episodes=tuple(reports),
        kills=sum(each.kills for each in reports),
        stops=sum(each.stops for each in reports),
        restarts=sum(each.restarts for each in reports),
        injected=dict(sorted(injected.items())),
        ledger=reduce(add, (each.ledger for each in reports), LedgerReport()),
        verify=VerifyReport(
            pages_checked=sum(each.verify.pages_checked for each in reports),
            pages_wrong=sum(each.verify.pages_wrong for each in reports),
            pages_lost=sum(each.verify.pages_lost for each in reports),
        ),
        elapsed_s=round(elapsed_s, 3),
        ok=all(each.ok for each in reports),
    )
