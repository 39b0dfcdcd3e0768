"""A failed episode is told with how to do it again."""

import msgspec

from mpzswap.report import chaos
from tests.tools.reports import chaos_report, episode_report


def test_failed_episode_can_be_done_again() -> None:
    """All its problems in a line, then the command, with the options as given."""
    (line,) = chaos.problems_of(chaos_report(), "--faults off")

    assert line == (
        "episode 1: pages: 0 wrong, 1 lost; ledger: 1 page; again: mpzswap chaos "
        "--seed 11 --episode 1 --faults off"
    )


def test_last_episodes_and_those_that_failed_are_shown() -> None:
    """Of hundreds the others are only counted."""
    report = chaos_report(chaos.MAX_ROWS + 5)
    shown = [
        line.split()[0]
        for line in chaos.text(report).splitlines()
        if line.endswith((" ok", "FAILED")) and line != "FAILED"
    ]

    assert shown == ["1", *map(str, range(5, chaos.MAX_ROWS + 5))]


def test_run_without_a_problem_is_ok() -> None:
    """In one word, at the end."""
    report = msgspec.structs.replace(
        chaos_report(), episodes=(episode_report(0),), injected={}, ok=True
    )

    assert chaos.problems_of(report) == []
    assert chaos.text(report).endswith("\nok\n")
    assert "injected" not in chaos.text(report)
