"""
How far a long run is, on standard error: a live line, plain lines, or nothing.

    write    24.8 %   21,000 pages/s   0:07 left
    sweep    25.0 %   6 of 24 runs   0:48 left
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Generic, Literal, Protocol, TextIO, TypeVar

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from mpzswap.report import numbers

# Ours: often enough to see that it goes on, seldom enough for a log.
PLAIN_INTERVAL_S = 1.0

How = Literal["none", "line", "plain"]


class Phase(Protocol):
    """What all tell that take long."""

    @property
    def phase(self) -> str:
        """What it does now."""

    @property
    def elapsed_s(self) -> float:
        """Since its beginning."""


class HowFar(Phase, Protocol):
    """What a run tells; pages are counted when written and when checked."""

    @property
    def pages_written(self) -> int:
        """Pages written until now."""

    @property
    def pages_checked(self) -> int:
        """Pages checked until now."""

    @property
    def pages_total(self) -> int:
        """Pages to be written and checked; 0 where a duration decides."""

    @property
    def part(self) -> float:
        """Of its duration, 0 to 1, where that is not of the host's time; else 0."""


class RunsDone(Phase, Protocol):
    """What many runs tell, one after the other or at once."""

    @property
    def runs_done(self) -> int:
        """Runs that are over."""

    @property
    def runs_total(self) -> int:
        """All of them."""

    @property
    def runs_before(self) -> int:
        """Those that were over at the beginning."""


T = TypeVar("T", bound=Phase)
OnProgress = Callable[[HowFar], None]
OnRuns = Callable[[RunsDone], None]
# Gives how much is done, 0 to 1, and the words for it.
Tell = Callable[[T], tuple[float, str]]


@contextlib.contextmanager
def shown(how: How, stream: TextIO, duration_s: float = 0) -> Iterator[OnProgress]:
    """Give what is to be called with how far a run of *duration_s* is."""

    def tell(progress: HowFar) -> tuple[float, str]:
        return share(progress, duration_s), state(progress, duration_s)

    with _shown(how, stream, tell) as show:
        yield show


@contextlib.contextmanager
def shown_runs(how: How, stream: TextIO) -> Iterator[OnRuns]:
    """Give what is to be called with how many runs are done."""
    with _shown(how, stream, state_of_runs) as show:
        yield show


@contextlib.contextmanager
def _shown(how: How, stream: TextIO, tell: Tell[T]) -> Iterator[Callable[[T], None]]:
    match how:
        case "none":
            yield lambda _: None
        case "plain":
            yield PlainLines(stream, tell)
        case "line":
            with _bar(stream) as bar:
                yield LiveLine(bar, tell)


class PlainLines(Generic[T]):
    """A line now and then."""

    def __init__(self, stream: TextIO, tell: Tell[T]) -> None:
        self._stream = stream
        self._tell = tell
        self._next_s = 0.0

    def __call__(self, progress: T) -> None:
        """Write a line if the last one is a while ago, or of another run."""
        now_s = progress.elapsed_s
        if self._next_s - PLAIN_INTERVAL_S <= now_s < self._next_s:
            return
        self._next_s = now_s + PLAIN_INTERVAL_S
        _, words = self._tell(progress)
        self._stream.write(f"{progress.phase:14} {words}\n")
        self._stream.flush()


class LiveLine(Generic[T]):
    """One line that is written over and over."""

    def __init__(self, bar: Bar, tell: Tell[T]) -> None:
        self._bar = bar
        self._tell = tell
        self._task = bar.add_task("start", total=1.0, state="")

    def __call__(self, progress: T) -> None:
        """Write the line anew."""
        part, words = self._tell(progress)
        self._bar.update(
            self._task, completed=part, description=progress.phase, state=words
        )
        self._bar.refresh()


def share(progress: HowFar, duration_s: float) -> float:
    """Give how much of the run is done, 0 to 1."""
    done = progress.pages_written + progress.pages_checked
    if progress.pages_total:
        return min(1.0, done / progress.pages_total)
    if progress.part:
        return min(1.0, progress.part)
    return min(1.0, progress.elapsed_s / duration_s) if duration_s else 0.0


def state(progress: HowFar, duration_s: float) -> str:
    """Give the share, the speed and the time left, in words."""
    done = progress.pages_written + progress.pages_checked
    part = share(progress, duration_s)
    words = [f"{numbers.percent(part):>7}"]
    if progress.elapsed_s:
        words.append(f"{numbers.count(round(done / progress.elapsed_s))} pages/s")
    if part:
        left_s = progress.elapsed_s * (1 - part) / part
        words.append(f"{numbers.clock_time(left_s)} left")
    return "   ".join(words)


def state_of_runs(progress: RunsDone) -> tuple[float, str]:
    """Give the share of the runs that are done; that, and the time left, in words."""
    done, total = progress.runs_done, progress.runs_total
    part = done / total if total else 1.0
    words = [
        f"{numbers.percent(part):>7}",
        f"{numbers.count(done)} of {numbers.plural(total, 'run')}",
    ]
    if now := done - progress.runs_before:
        left_s = progress.elapsed_s * (total - done) / now
        words.append(f"{numbers.clock_time(left_s)} left")
    return part, "   ".join(words)


def _bar(stream: TextIO) -> Bar:
    """Make the live line; it is refreshed when asked, so no thread is needed."""
    return Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[state]}", markup=False),
        console=Console(file=stream),
        auto_refresh=False,
        transient=True,
    )
