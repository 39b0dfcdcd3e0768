"""The progress of a long run."""

import io
from typing import NamedTuple

import pytest

from mpzswap.report import progress
from mpzswap.workload.plan import Progress


def at(elapsed_s: float, done: int = 50, total: int = 200) -> Progress:
    """Give how far a run is."""
    return Progress(
        phase="write",
        pages_written=done,
        pages_checked=0,
        pages_total=total,
        elapsed_s=elapsed_s,
    )


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_state_has_share_speed_and_time_left() -> None:
    """A quarter done in 10 s leaves half a minute."""
    assert progress.state(at(10), 0) == " 25.0 %   5 pages/s   0:30 left"


def test_duration_decides_where_there_is_no_total() -> None:
    """A run of 40 s is a quarter done after 10 s, whatever the pages."""
    assert progress.state(at(10, total=0), 40) == " 25.0 %   5 pages/s   0:30 left"


def test_beginning_says_nothing_of_speed() -> None:
    """Nothing is divided by zero."""
    assert progress.state(at(0, done=0), 0) == "  0.0 %"


def test_share_is_never_over_all() -> None:
    """The last round of a duration goes on after its end."""
    assert progress.share(at(50, total=0), 40) == 1.0


def test_plain_lines_come_once_a_second() -> None:
    """A log is not flooded by ten looks a second."""
    stream = io.StringIO()
    with progress.shown("plain", stream) as on_progress:
        for tenth in range(25):
            on_progress(at(tenth / 10))

    assert len(stream.getvalue().splitlines()) == 3
    assert stream.getvalue().startswith("write           25.0 %")


def test_next_run_of_a_comparison_has_lines_too() -> None:
    """Time that begins again is another run's."""
    stream = io.StringIO()
    with progress.shown("plain", stream) as on_progress:
        on_progress(at(9))
        on_progress(at(0.1))

    assert len(stream.getvalue().splitlines()) == 2


def test_nothing_is_shown_when_quiet() -> None:
    """The run is told the same, and nobody is."""
    stream = io.StringIO()
    with progress.shown("none", stream) as on_progress:
        on_progress(at(10))

    assert stream.getvalue() == ""


def test_live_line_shows_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal sees the words and the bar, and the line goes at the end."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    with progress.shown("line", stream) as on_progress:
        on_progress(at(10))

    assert "25.0 %   5 pages/s   0:30 left" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[2K")


class Runs(NamedTuple):
    """How far a sweep is."""

    runs_done: int
    runs_total: int
    runs_before: int
    elapsed_s: float
    phase: str = "sweep"


def test_time_left_of_runs_is_that_of_those_done_now() -> None:
    """What an earlier call had done tells nothing of this one's speed."""
    part, words = progress.state_of_runs(Runs(12, 24, 9, 6))

    assert (part, words) == (0.5, " 50.0 %   12 of 24 runs   0:24 left")


def test_runs_without_one_done_say_nothing_of_time() -> None:
    """Nothing is divided by zero; a sweep that was done before is done."""
    assert progress.state_of_runs(Runs(9, 24, 9, 6))[1] == " 37.5 %   9 of 24 runs"
    assert progress.state_of_runs(Runs(0, 0, 0, 0))[0] == 1.0


def test_runs_are_shown_as_plain_lines() -> None:
    """As pages are."""
    stream = io.StringIO()
    with progress.shown_runs("plain", stream) as on_progress:
        on_progress(Runs(1, 2, 0, 3))

    assert stream.getvalue() == "sweep           50.0 %   1 of 2 runs   0:03 left\n"
