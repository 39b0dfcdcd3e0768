"""``mpzswap sweep`` with real runs: results, failures, interrupts, a cluster."""

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mpzswap.errors import CompletionTimeoutError
from mpzswap.report.records import StressReport
from mpzswap.report.sweep_records import SweepLine, SweepReport
from mpzswap.topology.model import Topology
from mpzswap.workload import sweep_one
from mpzswap.workload.run_process import RunProcesses
from tests.tools import dask_cluster

# For what takes some seconds; a loaded machine may take its time.
LIMIT_S = 60.0
TINY = ("--memory", "1M", "--workers", "1", "--rounds", "1", "--seed", "7")
# The second run is to be ended by whoever started it.
ENDLESS = (*TINY[:4], "--duration", "0.01,1000", "--seed", "7", "--progress")
OUTPUT = "sweep.jsonl"

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nobody_left")]


def command(*words: str) -> list[str]:
    """Give the command line of a sweep."""
    return [sys.executable, "-m", "mpzswap", "sweep", *words, "--output", OUTPUT]


def sweep(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Do a sweep."""
    return subprocess.run(
        command(*words),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        cwd=folder,
    )


def start_endless(folder: Path) -> "subprocess.Popen[str]":
    """Start a sweep that does not end; its first run has ended when this returns."""
    process = subprocess.Popen(
        command(*ENDLESS),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        start_new_session=True,
    )
    assert process.stderr is not None
    while "1 of 2 runs" not in process.stderr.readline():
        assert process.poll() is None
    return process


def wait_for_process(process: "subprocess.Popen[str]", name: str) -> int:
    """Give the process of that name in the session of a sweep; a line is a second."""
    assert process.stderr is not None
    while process.stderr.readline():
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                head, _, rest = path.read_text().rpartition(")")
                if head.endswith(f"({name}") and rest.split()[3] == str(process.pid):
                    return int(path.parent.name)
    raise AssertionError(f"{name}: no such process")


def lines_of(folder: Path) -> list[SweepLine]:
    """Read the lines of the file."""
    rows = (folder / OUTPUT).read_bytes().splitlines()
    return [msgspec.json.decode(row, type=SweepLine) for row in rows]


def report_of(line: SweepLine) -> StressReport:
    """Give the report in a line."""
    assert isinstance(line.report, msgspec.Raw)
    return msgspec.json.decode(line.report, type=StressReport)


def test_every_combination_is_run(tmp_path: Path) -> None:
    """Each with its own parameters, in the file, the JSON and the table."""
    words = ("--batch-size", "1,8", "--set", "driver.sync_mode=sync,async")
    done = sweep(tmp_path, *TINY, *words, "--json", "all.json", "--jobs", "2")

    reports = [report_of(line) for line in lines_of(tmp_path)]
    whole = msgspec.json.decode((tmp_path / "all.json").read_bytes(), type=SweepReport)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("seed 7\nsweep  4 runs\n")
    assert done.stdout.endswith("\nok\n")
    assert [(each.batch_size, each.sync_mode) for each in reports] == [
        (1, "sync"),
        (1, "async"),
        (8, "sync"),
        (8, "async"),
    ]
    assert [line.parameters for line in whole.runs] == [
        line.parameters for line in lines_of(tmp_path)
    ]


def test_file_of_parameters_is_the_same_sweep(tmp_path: Path) -> None:
    """Called again with its words as options there is nothing left to do."""
    (tmp_path / "sweep.yaml").write_text("batch_size: [1, 8]\nworkers: 2\n")
    first = sweep(tmp_path, "sweep.yaml", *TINY)
    kept = (tmp_path / OUTPUT).read_bytes()
    again = sweep(tmp_path, *TINY, "--batch-size", "1,8")

    assert (first.returncode, again.returncode) == (0, 0)
    assert again.stdout == first.stdout
    assert (tmp_path / OUTPUT).read_bytes() == kept


def test_combination_that_fails_leaves_the_others(tmp_path: Path) -> None:
    """It is told in its line, in the table and by the exit status."""
    done = sweep(tmp_path, *TINY, "--workers", "1000,1")

    failed, fine = lines_of(tmp_path)
    assert done.returncode == 1
    assert (failed.ok, fine.ok) == (False, True)
    assert str(failed.error).startswith("workers: 1000: must be at most")
    assert f"workers 1000: {failed.error}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_sweep_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    """Nobody is left; the first run is not done again; the torn line is dropped."""
    process = start_endless(tmp_path)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=LIMIT_S)
    (kept,) = (tmp_path / OUTPUT).read_bytes().splitlines()
    with (tmp_path / OUTPUT).open("ab") as file:
        file.write(kept[:100])

    again = start_endless(tmp_path)
    # Its only run, so the first that it starts.
    os.kill(wait_for_process(again, "run 0"), signal.SIGKILL)
    _, errors = again.communicate(timeout=LIMIT_S)

    first, second = (tmp_path / OUTPUT).read_bytes().splitlines()
    assert again.returncode == 1
    assert first == kept
    assert b'"error":"run 0: died with SIGKILL' in second
    assert "duration 1000.0: run 0: died with SIGKILL" in errors.splitlines()[-1]


@pytest.mark.parametrize(
    ("number", "status", "send"),
    [(signal.SIGINT, 130, os.killpg), (signal.SIGTERM, 143, os.kill)],
)
def test_signal_ends_all_runs_and_keeps_what_is_done(
    tmp_path: Path, number: int, status: int, send: object
) -> None:
    """The children are gone when the command is."""
    process = start_endless(tmp_path)
    wait_for_process(process, "worker 0")
    assert callable(send)
    send(process.pid, number)
    _, errors = process.communicate(timeout=LIMIT_S)

    assert process.returncode == status
    assert "Traceback" not in errors
    assert [line.ok for line in lines_of(tmp_path)] == [True]
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_impatient_ctrl_c_leaves_nobody(tmp_path: Path) -> None:
    """Pressed again and again it is still 130, without a traceback."""
    process = start_endless(tmp_path)
    while process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 130
    assert "Traceback" not in errors


def process_named(name: str) -> int:
    """Give the process of that name, as soon as it is there."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if f"({name}" in path.read_text():
                    return int(path.parent.name)
    raise AssertionError(f"{name}: no such process")


def test_run_that_is_stopped_is_given_up() -> None:
    """Whoever waits for it is told after the limit; nobody of it is left."""
    parameters = {"topology": "laptop-2iaa", "seed": 7, "duration": 1000.0}
    topology = Topology.named("laptop-2iaa")
    task = msgspec.json.encode(sweep_one.Task(parameters, topology))
    with RunProcesses(1, [sweep_one.__name__], silence_limit_s=0.3) as executor:
        future = executor.submit(sweep_one.run_one, task)
        os.kill(process_named("run 0"), signal.SIGSTOP)

        with pytest.raises(
            CompletionTimeoutError, match=r"^run 0: said nothing for 0\.3 s"
        ):
            future.result(LIMIT_S)


@pytest.fixture(name="scheduler")
def _scheduler() -> Iterator[str]:
    """Give the address of a cluster of two processes."""
    # Not imported here: its warnings would be errors of ours.
    if importlib.util.find_spec("distributed") is None:
        pytest.skip("distributed is not installed")
    with subprocess.Popen(
        [sys.executable, dask_cluster.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate(timeout=LIMIT_S)


def test_cluster_gives_the_same_lines(tmp_path: Path, scheduler: str) -> None:
    """Pages and counters, of what fails too; times are its own."""
    words = (*TINY, "--workers", "1,1000", "--batch-size", "1,4,8")
    found = []
    for more in ([], ["--scheduler", scheduler, "--jobs", "2"]):
        done = sweep(tmp_path, *words, *more)
        assert done.returncode == 1
        lines = lines_of(tmp_path)
        (tmp_path / OUTPUT).unlink()
        found.append(
            [(each.parameters, each.ok, each.error) for each in lines]
            + [
                (each.batch_size, each.pages_written, each.zswap.compressed_bytes)
                for each in map(report_of, lines[:3])
            ]
        )

    assert found[0] == found[1]


def test_cluster_gives_the_same_bytes_of_virtual_runs(
    tmp_path: Path, scheduler: str
) -> None:
    """Nothing of a report is the host's then, whoever has done it."""
    words = ("--clock", "virtual", *TINY, "--topology", "laptop-2iaa,spr-1s1iaa")
    found = []
    for more in ([], ["--scheduler", scheduler]):
        done = sweep(tmp_path, *words, "--batch-size", "1,4,8", *more)
        assert (done.returncode, done.stderr) == (0, "")
        found.append((tmp_path / OUTPUT).read_bytes())
        (tmp_path / OUTPUT).unlink()

    assert found[0] == found[1]
    assert len(found[0].splitlines()) == 6
