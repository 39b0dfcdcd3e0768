"""Sweeps without runs: lines and results with fixed numbers, an executor of our own."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import msgspec

from mpzswap.report.sweep_records import SweepLine, SweepReport
from mpzswap.workload.sweep_one import Result
from tests.tools.reports import stress_report

REPORT = msgspec.json.encode(stress_report())


def done_line(**parameters: object) -> SweepLine:
    """Give the line of a run that went well."""
    return SweepLine(parameters=parameters, ok=True, report=msgspec.Raw(REPORT))


def failed_line(error: str, **parameters: object) -> SweepLine:
    """Give the line of a run that could not be done."""
    return SweepLine(parameters=parameters, ok=False, error=error)


def sweep_report(*lines: SweepLine) -> SweepReport:
    """Give the report of a sweep."""
    ok = all(line.ok for line in lines)
    return SweepReport(version="0.1.0", runs=lines, ok=ok)


def good(_: bytes) -> bytes:
    """Give what a run gives that went well."""
    return msgspec.json.encode(Result(ok=True, report=msgspec.Raw(REPORT)))


class ByHand:
    """
    An executor whose runs end when they are told to.

    Attributes:
        flying: futures of what has begun, with its task, the oldest first.
        most: that were flying at once.
    """

    def __init__(self, answer: Callable[[bytes], bytes] = good) -> None:
        self.flying: deque[tuple[Future[bytes], bytes]] = deque()
        self.most = 0
        self._answer = answer

    def submit(self, _: Callable[..., bytes], task: bytes) -> Future[bytes]:
        """Take a task."""
        future: Future[bytes] = Future()
        self.flying.append((future, task))
        self.most = max(self.most, len(self.flying))
        return future

    def check(self) -> None:
        """Whoever tells them to end is there."""

    def end_newest(self, *_: object) -> None:
        """End the run that began last."""
        if self.flying:
            future, task = self.flying.pop()
            try:
                future.set_result(self._answer(task))
            except Exception as error:  # noqa: BLE001 - it is the run's
                future.set_exception(error)
