"""
How far a long run is, on standard error: a live line, plain lines, or nothing.

    write    24.8 %   21,000 pages/s   0:07 left
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Literal, Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from mpzswap.report import numbers

# Ours: often enough to see that it goes on, seldom enough for a log.
PLAIN_INTERVAL_S = 1.0

How = Literal["none", "line", "plain"]


class HowFar(Protocol):
    """What a run tells; pages are counted when written and when checked."""

    @property
    def phase(self) -> str:
        """What it does now."""

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
    def elapsed_s(self) -> float:
        """Since its beginning."""

    @property
    def part(self) -> float:
        """Of its duration, 0 to 1, where that is not of the host's time; else 0."""


OnProgress = Callable[[HowFar], None]


@contextlib.contextmanager
def shown(how: How, stream: TextIO, duration_s: float = 0) -> Iterator[OnProgress]:
    """Give what is to be called with how far a run of *duration_s* is."""
    match how:
        case "none":
            yield lambda _: None
        case "plain":
            yield PlainLines(stream, duration_s)
        case "line":
            with _bar(stream) as bar:
                yield LiveLine(bar, duration_s)


class PlainLines:
    """A line now and then."""

    def __init__(self, stream: TextIO, duration_s: float) -> None:
        self._stream = stream
        self._duration_s = duration_s
        self._next_s = 0.0

    def __call__(self, progress: HowFar) -> None:
        """Write a line if the last one is a while ago, or of another run."""
        now_s = progress.elapsed_s
        if self._next_s - PLAIN_INTERVAL_S <= now_s < self._next_s:
            return
        self._next_s = now_s + PLAIN_INTERVAL_S
        self._stream.write(f"{progress.phase:14} {state(progress, self._duration_s)}\n")
        self._stream.flush()


class LiveLine:
    """One line that is written over and over."""

    def __init__(self, bar: Bar, duration_s: float) -> None:
        self._bar = bar
        self._duration_s = duration_s
        self._task = bar.add_task("start", total=1.0, state="")

    def __call__(self, progress: HowFar) -> None:
        """Write the line anew."""
        self._bar.update(
            self._task,
            completed=share(progress, self._duration_s),
            description=progress.phase,
            state=state(progress, self._duration_s),
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
