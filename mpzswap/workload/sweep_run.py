"""
Do a sweep: so many runs at once as may be, the results as they come.

    combinations --those not done yet--> executor --Result--> SweepLine --> on_line
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from typing import Protocol

import msgspec

from mpzswap.errors import MpzswapError
from mpzswap.report.sweep_records import SweepLine, SweepReport
from mpzswap.version import __version__
from mpzswap.workload.sweep import SweepPlan
from mpzswap.workload.sweep_one import Result, Task, run_one

# Between two looks at how far we are.
LOOK_INTERVAL_S = 0.1


class Executor(Protocol):
    """What does the runs: ``RunProcesses``, or that of a cluster."""

    def submit(self, work: Callable[..., bytes], task: bytes) -> Future[bytes]:
        """Have *work* done with *task*, somewhere."""

    def check(self) -> None:
        """
        Look whether what was submitted may still be done.

        Raises:
            MpzswapError: nobody is there to do it.
        """


class RunsDone(msgspec.Struct, frozen=True):
    """How far a sweep has come."""

    phase: str
    runs_done: int
    runs_total: int
    # Of these, those that an earlier call had done.
    runs_before: int
    elapsed_s: float


OnLine = Callable[[SweepLine], None]
OnProgress = Callable[[RunsDone], None]


class Sweep:
    """
    A sweep under way.

    Args:
        plan: what is to be done.
        done: lines that an earlier call left, by their places in the combinations.
        on_line: told of each further line, as soon as it is there.
        on_progress: told now and then how far it is.
    """

    def __init__(
        self,
        plan: SweepPlan,
        done: Mapping[int, SweepLine],
        on_line: OnLine,
        on_progress: OnProgress,
    ) -> None:
        self._plan = plan
        self._combinations = plan.combinations()
        self._lines = dict(done)
        self._before = len(done)
        self._on_line = on_line
        self._on_progress = on_progress
        self._started = time.monotonic()

    def run(self, executor: Executor, at_once: int) -> SweepReport:
        """
        Do what is left, *at_once* runs at a time; whatever fails, go on.

        Raises:
            MpzswapError: nobody is there any more to do it.
        """
        left = [n for n in range(len(self._combinations)) if n not in self._lines]
        left.reverse()
        flying: dict[Future[bytes], int] = {}
        try:
            while left or flying:
                while left and len(flying) < at_once:
                    number = left.pop()
                    flying[executor.submit(run_one, self._task(number))] = number
                done, _ = wait(flying, LOOK_INTERVAL_S, FIRST_COMPLETED)
                for future in done:
                    self._take(flying.pop(future), result_of(future))
                executor.check()
                self._tell()
        finally:
            for future in flying:
                future.cancel()
        return self._report()

    def _task(self, number: int) -> bytes:
        parameters = self._combinations[number]
        topology = self._plan.topologies[parameters["topology"]]
        return msgspec.json.encode(Task(parameters, topology))

    def _take(self, number: int, result: Result) -> None:
        parameters = self._combinations[number]
        line = SweepLine(
            parameters=parameters,
            version=__version__,
            topology_digest=self._plan.digest_of(parameters),
            ok=result.ok,
            error=result.error,
            report=result.report,
        )
        self._lines[number] = line
        self._on_line(line)

    def _tell(self) -> None:
        self._on_progress(
            RunsDone(
                phase="sweep",
                runs_done=len(self._lines),
                runs_total=len(self._combinations),
                runs_before=self._before,
                elapsed_s=time.monotonic() - self._started,
            )
        )

    def _report(self) -> SweepReport:
        lines = tuple(self._lines[n] for n in sorted(self._lines))
        ok = all(line.ok for line in lines)
        return SweepReport(version=__version__, runs=lines, ok=ok)


def result_of(future: Future[bytes]) -> Result:
    """Give what came of a run, also if whoever did it is dead."""
    try:
        return msgspec.json.decode(future.result(), type=Result)
    except MpzswapError as error:
        return Result(error=str(error))
    except CancelledError:
        return Result(error="the run was lost: its scheduler gave it up")
    except Exception as error:  # noqa: BLE001 - a cluster raises its own; the rest go on
        words = str(error).splitlines() or [""]
        return Result(error=f"{type(error).__name__}: {words[0]}")
