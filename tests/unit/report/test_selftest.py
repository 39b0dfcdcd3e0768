"""The table of a self-test: every mode in a row, what is wrong at the end."""

from mpzswap.report.selftest import problems_of, text
from mpzswap.report.selftest_records import (
    SelftestFailure,
    SelftestReport,
    SelftestResult,
)


def report(failed: int = 0) -> SelftestReport:
    """Give a report of one mode with the longest names that there are."""
    name, mode = "deflate-iaa-dynamic", "async_irq/requests"
    failures = tuple(
        SelftestFailure(
            compressor=name, mode=mode, vector=f"verse {n}", fault="is not what it was"
        )
        for n in range(failed)
    )
    result = SelftestResult(
        compressor=name, mode=mode, vectors=26, passed=26 - failed, failed=failed
    )
    return SelftestReport(
        version="0.1.0",
        seed=7,
        results=(result,),
        failures=failures,
        ok=not failed,
    )


def test_row_counts_vectors() -> None:
    """Passed and failed add up."""
    row = text(report(failed=2)).splitlines()[1].split()

    assert row == ["deflate-iaa-dynamic", "async_irq/requests", "26", "24", "2"]


def test_no_line_is_too_wide() -> None:
    """A terminal has 80 columns."""
    assert max(map(len, text(report(failed=2)).splitlines())) <= 79


def test_wrong_answers_are_the_last_lines() -> None:
    """Each by the name of its vector, the way it went, and what is wrong."""
    problems = problems_of(report(failed=2))

    assert problems[1] == (
        "deflate-iaa-dynamic async_irq/requests: vector 'verse 1': is not what it was"
    )
    assert text(report(failed=1)).endswith(
        "FAILED\ndeflate-iaa-dynamic async_irq/requests: vector 'verse 0': "
        "is not what it was\n"
    )


def test_all_right_is_ok() -> None:
    """The last line says so."""
    assert text(report()).endswith("\nok\n")
