"""The whole of ``validate``, as its users run it."""

import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from mpzswap.report.validate import ValidateReport
from mpzswap.workload.published import Published
from mpzswap.workload.validate import MAX_ERROR_PERCENT, MAX_MEDIAN_PERCENT

# One takes some seconds on two cores; pytest gives up a test after a minute.
LIMIT_S = 60.0
# What tells some rows from all others, so many that a loaded host has time for them.
PARTS = (
    "03/26",
    "3b6da5cce",
    "4K, reclaim",
    "64K, reclaim",
    ", batching",
    "kernel compilation",
    "v14, cover",
    "large folios",
    "28 to 30 processes",
)

pytestmark = pytest.mark.usefixtures("nobody_left")


def validate(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mpzswap", "validate", "--seed", "7", *words],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        cwd=folder,
    )


def test_all_rows_are_in_a_part() -> None:
    """So the tests of each part together are those of all that are predicted."""
    published = Published.load()
    everything = {
        row.what for group in published.groups for row in group.rows if row.runs
    }
    parts = [published.only(part).groups for part in PARTS]

    assert (
        everything
        == {row.what for groups in parts for group in groups for row in group.rows}
        & everything
    )


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_predictions_are_near_what_was_published(part: str, tmp_path: Path) -> None:
    """Each row within the limit, and the median of each part too."""
    done = validate(tmp_path, "--only", part, "--json", "-")

    report = msgspec.json.decode(done.stdout, type=ValidateReport)
    assert (done.returncode, done.stderr, report.ok) == (0, "seed 7\n", True)
    assert report.predicted.largest_percent <= MAX_ERROR_PERCENT
    assert report.predicted.median_percent <= MAX_MEDIAN_PERCENT


@pytest.mark.slow
def test_latencies_that_were_fitted_are_met(tmp_path: Path) -> None:
    """The three of a page, within 3 %."""
    done = validate(tmp_path, "--only", "03/26", "--json", "-")

    report = msgspec.json.decode(done.stdout, type=ValidateReport)
    assert [row.formula for row in report.rows] == ["store_page_p50"] * 3
    assert report.fitted.largest_percent <= 3


@pytest.mark.slow
def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    """However many scenarios run side by side."""
    runs = [
        validate(tmp_path, "--only", "3b6da5cce", "--jobs", jobs, "--json", "-")
        for jobs in ("1", "2")
    ]

    assert [run.returncode for run in runs] == [0, 0]
    assert runs[0].stdout == runs[1].stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_signal_that_ends_the_command_ends_its_processes(
    number: int, status: int, tmp_path: Path
) -> None:
    """Sent to the command alone; ``nobody_left`` looks for the others."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mpzswap", "validate", "--progress", "--jobs", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert process.stderr is not None
    # The second comes after a second, when all of them are at work.
    lines = [process.stderr.readline() for _ in range(2)]
    assert all("pages/s" in line for line in lines)
    process.send_signal(number)
    told = "" if number == signal.SIGKILL else process.stderr.read()
    process.stderr.close()

    assert process.wait(LIMIT_S) == status
    assert all("pages/s" in line for line in told.splitlines())
