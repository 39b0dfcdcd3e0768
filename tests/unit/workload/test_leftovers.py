"""What outlives a block is found: processes, descriptors, files."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mpzswap.workload import leftovers
from mpzswap.workload.leftovers import watched


def test_block_that_leaves_nothing_is_clean() -> None:
    """A process that has ended, and a file that was closed, are nothing."""
    with watched() as left:
        subprocess.run([sys.executable, "-c", ""], check=True)
        os.close(os.open(os.devnull, os.O_RDONLY))

    assert left.found == ()


def test_process_that_stays_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its pid, once the limit is over; its descriptor counts as well."""
    monkeypatch.setattr(leftovers, "LEFT_LIMIT_S", 0.01)
    with watched() as left:
        process = subprocess.Popen(
            [sys.executable, "-c", "print(1, flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
    process.communicate(b"\n")

    assert left.found == (
        f"process {process.pid}: is left after 0.01 s",
        "descriptors: 2 more are open than before",
    )


def test_file_that_stays_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the folder for temporary files, by a name that has ours in it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    file = tmp_path / "x-mpzswap-1"
    with watched() as left:
        file.touch()

    assert left.found == (f"file {file}: is left",)


def test_environment_is_as_it_was() -> None:
    """Also where one is within another."""
    with watched():
        before = os.environ[leftovers.MARK]
        with watched():
            assert os.environ[leftovers.MARK] != before
        assert os.environ[leftovers.MARK] == before

    assert leftovers.MARK not in os.environ
