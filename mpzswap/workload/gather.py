"""
From the word to begin until the last worker's result: progress, deaths, limits.

    worker's result           kept
    worker dead               given back, the others go on
    worker stuck              ended by SIGKILL after ``stall_timeout_s``, then as above
    device dead               noticed at once: its pidfd is waited for too

A run whose workers all died has no result, and raises their deaths.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import msgspec

from mpzswap.errors import DeviceDiedError
from mpzswap.machine.board import CpuWord
from mpzswap.machine.core import Core, Worker
from mpzswap.report.records import LedgerReport, VerifyReport
from mpzswap.workload.fairness import Window
from mpzswap.workload.ledger import LedgerWords
from mpzswap.workload.plan import Progress, StressPlan
from mpzswap.workload.worker import ALL_STRETCHES, WorkerResult

GO = b"go"
# Between two looks at progress and at workers' deaths.
LOOK_INTERVAL_S = 0.1
# Time between two looks counts as standing still for no more than this: we may have
# been stopped ourselves, as by Ctrl-Z, or have waited for a device.
MOST_COUNTED_S = 0.5
# What a worker tells of its checks at once, in the order of VerifyReport.
CHECK_WORDS = (CpuWord.PAGES_CHECKED, CpuWord.PAGES_WRONG, CpuWord.PAGES_LOST)

OnProgress: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True)
class Gathered:
    """What all workers have done that lived to the end, and how the others died."""

    results: tuple[WorkerResult, ...]
    elapsed_s: float
    deaths: tuple[str, ...] = ()
    # Of the workers that died, and what their checks had found by then.
    ledgers: tuple[LedgerReport, ...] = ()
    checks: tuple[VerifyReport, ...] = ()
    # The column of each of ``results``, and what was written in each column.
    columns: tuple[int, ...] = ()
    window: Window = field(default_factory=Window)


@dataclass(eq=False)
class Gathering:
    """Workers under way: what they gave, and who is still waited for."""

    core: Core
    waiting: list[Worker]
    # Workers that have given their result, and wait to be let go.
    finished: list[Worker] = field(default_factory=list)
    results: dict[int, WorkerResult] = field(default_factory=dict)
    deaths: list[DeviceDiedError] = field(default_factory=list)
    # Workers that were ended since they were stuck, and the words for it.
    stuck: dict[str, str] = field(default_factory=dict)
    ledgers: list[LedgerReport] = field(default_factory=list)
    checks: list[VerifyReport] = field(default_factory=list)

    def begin(self) -> None:
        """Let all workers begin."""
        for worker in list(self.waiting):
            try:
                worker.child.send(GO)
            except DeviceDiedError as death:
                self._lose(worker, death)

    def hear(self) -> None:
        """Take results, and note who is dead."""
        for worker in list(self.waiting):
            # In this order: what was said before its end is then all heard.
            is_alive = worker.child.is_alive()
            message = worker.child.receive_nowait()
            if message is not None:
                result = msgspec.json.decode(message.body, type=WorkerResult)
                self.results[worker.config.column] = result
                self.waiting.remove(worker)
                self.finished.append(worker)
            elif not is_alive:
                self._lose(worker, worker.child.death())

    def end_stuck(self, words: str) -> None:
        """End those that the others wait for."""
        stretches = self.core.board.cpu_row(CpuWord.STRETCHES)
        reached = {
            worker.child.name: stretches[worker.config.column]
            for worker in self.waiting
        }
        for worker in self.waiting:
            name = worker.child.name
            if reached[name] == min(reached.values()):
                self.stuck[name] = words
                worker.child.process.kill()

    def _lose(self, worker: Worker, death: DeviceDiedError) -> None:
        """Let the others go on without a worker, and with what was its."""
        self.waiting.remove(worker)
        self.deaths.append(death)
        column = worker.config.column
        self.ledgers.append(LedgerWords(self.core.board, column).of_the_dead())
        checked, wrong, lost = (
            self.core.board.cpu_row(word)[column] for word in CHECK_WORDS
        )
        self.checks.append(VerifyReport(checked, wrong, lost))
        self.core.bury(worker)
        # Nobody waits for it at the next bar.
        self.core.board.cpu_row(CpuWord.STRETCHES)[column] = ALL_STRETCHES
        if death.__cause__ is not None:
            # The run survives it, but it is a bug of ours: show it.
            warnings.warn(f"{death}\n{death.__cause__}", RuntimeWarning, stacklevel=2)

    def done(self, elapsed_s: float) -> Gathered:
        """Give what came of it; raise all the deaths if nothing did."""
        self.deaths += [
            worker.child.death()
            for worker in self.finished
            if not worker.child.is_alive()
        ]
        for worker in self.finished:
            # It has done what it was for: how it ends is no news.
            worker.child.reported = True
        deaths = tuple(self._explain(str(death)) for death in self.deaths)
        if not self.results:
            raise DeviceDiedError("; ".join(deaths)) from self.deaths[-1].__cause__
        columns = tuple(sorted(self.results))
        return Gathered(
            results=tuple(self.results[column] for column in columns),
            elapsed_s=elapsed_s,
            deaths=deaths,
            ledgers=tuple(self.ledgers),
            checks=tuple(self.checks),
            columns=columns,
        )

    def _explain(self, death: str) -> str:
        name, _, _ = death.partition(":")
        return f"{death}, {self.stuck[name]}" if name in self.stuck else death


class Watch:
    """Looks at the workers' words: how far they are, and whether they move."""

    def __init__(self, plan: StressPlan, core: Core) -> None:
        self._core = core
        self._workers = plan.workers
        pages = plan.workers * plan.memory_pages * plan.rounds
        self._verifies = plan.verify
        stretches = 2 if plan.verify else 1
        self._total = 0 if plan.duration_s else stretches * pages
        self._duration_s = plan.duration_s
        self._limit_s = plan.stall_timeout_s
        # Time that passes here, and time that passes for whoever waits for us.
        self._clock = core.clock
        self._started_ns = core.clock.now_ns()
        self._started = time.monotonic()
        self._is_virtual = plan.clock == "virtual"
        self._looked_s = self._now_s()
        self._idle_s = 0.0
        self._last = (0, 0)
        self.window = Window(verifies=plan.verify)

    def look(self) -> Progress:
        """Give the progress."""
        row = self._core.board.cpu_row
        stretches = row(CpuWord.STRETCHES)[: self._workers]
        each_written = row(CpuWord.PAGES_WRITTEN)[: self._workers]
        written, checked = sum(each_written), sum(row(CpuWord.PAGES_CHECKED))
        self.window.look(self._clock.now_ns() / 1e9, stretches, each_written)
        now_s = self._now_s()
        self._idle_s += min(MOST_COUNTED_S, now_s - self._looked_s)
        self._looked_s = now_s
        if (written, checked) != self._last:
            self._last = written, checked
            self._idle_s = 0.0
        return Progress(
            # As the slowest worker does.
            phase="check" if self._verifies and min(stretches) % 2 else "write",
            pages_written=written,
            pages_checked=checked,
            pages_total=self._total,
            elapsed_s=time.monotonic() - self._started,
            part=self.elapsed_s / self._duration_s if self._duration_s else 0.0,
        )

    def stall(self) -> str:
        """Say that nobody has got further within the limit; empty if somebody has."""
        if self._idle_s <= self._limit_s:
            return ""
        # Whoever is left has as long.
        self._idle_s = 0.0
        written, checked = self._last
        return (
            f"ended since no page was written or checked within {self._limit_s:g} s; "
            f"all together {written} written, {checked} checked"
        )

    def _now_s(self) -> float:
        """Give the time that a limit counts: what is made up hangs on no host."""
        return self._clock.now_ns() / 1e9 if self._is_virtual else time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Since the word to begin."""
        return (self._clock.now_ns() - self._started_ns) / 1e9


def gather(
    plan: StressPlan, core: Core, workers: Sequence[Worker], on_progress: OnProgress
) -> Gathered:
    """
    Let all workers begin, and wait until each has given its result or is dead.

    Raises:
        DeviceDiedError: all workers died; it tells how.
    """
    gathering = Gathering(core, list(workers))
    watch = Watch(plan, core)
    watch_interval_s = plan.topology.driver.watch_interval_ms / 1000
    interval_s = min(LOOK_INTERVAL_S, watch_interval_s)
    gathering.begin()
    while gathering.waiting:
        devices = core.devices.pidfds
        ready = core.starter.wait(
            [*(worker.child.fileno() for worker in gathering.waiting), *devices],
            interval_s,
        )
        gathering.hear()
        if set(devices).isdisjoint(ready):
            core.devices.watch()
        else:
            core.devices.look()
        on_progress(watch.look())
        if words := watch.stall():
            gathering.end_stuck(words)
    return replace(gathering.done(watch.elapsed_s), window=watch.window)
