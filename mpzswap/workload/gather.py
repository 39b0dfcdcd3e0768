"""From the word to begin until the last worker's result: progress, deaths, limits."""

import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from mpzswap.errors import CompletionTimeoutError
from mpzswap.machine.board import CpuWord
from mpzswap.machine.control import wait_for
from mpzswap.machine.core import Core, Worker
from mpzswap.workload.plan import Progress, StressPlan
from mpzswap.workload.worker import WorkerResult

GO = b"go"
# Between two looks at progress and at deaths.
LOOK_INTERVAL_S = 0.1
# No worker has shown progress for so long: one is stuck.  A driver gives up on a
# request after seconds, then its worker goes on.
STALL_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Gathered:
    """What all workers have done."""

    results: tuple[WorkerResult, ...]
    elapsed_s: float


class Watch:
    """Looks at the workers' words: how far they are, and whether they move."""

    def __init__(
        self, plan: StressPlan, core: Core, on_progress: Callable[[Progress], None]
    ) -> None:
        self._core = core
        self._workers = plan.workers
        self._on_progress = on_progress
        pages = plan.workers * plan.memory_pages * plan.rounds
        self._total = 0 if plan.duration_s else 2 * pages
        self._started = self._moved = time.monotonic()
        self._last = (0, 0)

    def look(self) -> None:
        """
        Tell the progress, note dead devices.

        Raises:
            CompletionTimeoutError: nobody has got further within the limit.
        """
        self._core.devices.look()
        written = sum(self._core.board.cpu_row(CpuWord.PAGES_WRITTEN))
        checked = sum(self._core.board.cpu_row(CpuWord.PAGES_CHECKED))
        now = time.monotonic()
        if (written, checked) != self._last:
            self._last, self._moved = (written, checked), now
        if now - self._moved > STALL_TIMEOUT_S:
            raise CompletionTimeoutError(
                f"{self._stuck()}: no page written or checked within "
                f"{STALL_TIMEOUT_S} s; all together {written} written, "
                f"{checked} checked"
            )
        self._on_progress(
            Progress(
                phase="write" if self._is_writing() else "check",
                pages_written=written,
                pages_checked=checked,
                pages_total=self._total,
                elapsed_s=self.elapsed_s,
            )
        )

    def _is_writing(self) -> bool:
        """Tell whether the slowest worker is in a stretch of writing."""
        stretches = self._core.board.cpu_row(CpuWord.STRETCHES)
        return min(stretches[: self._workers]) % 2 == 0

    def _stuck(self) -> str:
        """Name those that the others wait for."""
        stretches = self._core.board.cpu_row(CpuWord.STRETCHES)[: self._workers]
        last = min(stretches)
        names = [str(i) for i, reached in enumerate(stretches) if reached == last]
        return f"worker {', '.join(names)}"

    @property
    def elapsed_s(self) -> float:
        """Since the word to begin."""
        return time.monotonic() - self._started


def gather(
    plan: StressPlan,
    core: Core,
    workers: Sequence[Worker],
    on_progress: Callable[[Progress], None],
) -> Gathered:
    """
    Let all workers begin, and wait for the result of each.

    Raises:
        DeviceDiedError: a worker died.
        CompletionTimeoutError: workers are stuck.
    """
    results: dict[str, WorkerResult] = {}
    watch = Watch(plan, core, on_progress)
    for worker in workers:
        worker.child.send(GO)
    waiting = list(workers)
    while waiting:
        wait_for(
            [worker.child.fileno() for worker in waiting],
            select.POLLIN,
            time.monotonic() + LOOK_INTERVAL_S,
        )
        for worker in waiting:
            message = worker.child.receive_nowait()
            if message is not None:
                result = msgspec.json.decode(message.body, type=WorkerResult)
                results[worker.child.name] = result
            else:
                worker.child.check_alive()
        waiting = [w for w in waiting if w.child.name not in results]
        watch.look()
    ordered = tuple(results[worker.child.name] for worker in workers)
    return Gathered(ordered, watch.elapsed_s)
