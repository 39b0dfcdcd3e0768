"""Capture of a live process's pages, by the library and by the command."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mpzswap
from mpzswap.page.frame import PAGE_SIZE, as_pages
from mpzswap.page.process import read_process

TOOL = Path(__file__).parents[2] / "tools" / "capture_pages.py"
# The command takes a fraction of a second; the rest is for a loaded machine.
TIMEOUT_S = 30

# Page n of the pattern holds n and 4095 times 0xA5; aligned wherever malloc puts it.
PATTERN_PAGES = 64
CHILD = f"""
import mmap, sys
memory = mmap.mmap(-1, {PATTERN_PAGES * PAGE_SIZE}, mmap.MAP_PRIVATE)
for number in range({PATTERN_PAGES}):
    memory.write(bytes([number]) + bytes([0xA5]) * {PAGE_SIZE - 1})
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def child() -> Iterator[int]:
    """Give the id of a process that holds the pattern and waits."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdin
        try:
            # Ends with the child at the latest; faulthandler_timeout bounds it.
            assert process.stdout.readline() == b"ready\n"
            yield process.pid
        finally:
            process.kill()
            process.wait(timeout=TIMEOUT_S)


def has_pattern(content: bytes) -> bool:
    """Say whether every page of the pattern is there."""
    pages = as_pages(content)
    marked = pages[(pages[:, 1:] == 0xA5).all(axis=1)]
    return set(marked[:, 0].tolist()) == set(range(PATTERN_PAGES))


def capture(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    path = str(Path(mpzswap.__file__).parents[1])
    return subprocess.run(
        [sys.executable, TOOL, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_pages_of_a_live_process_are_found(child: int) -> None:
    """What it wrote is there, and the process is none the worse."""
    assert has_pattern(read_process(child).tobytes())
    assert len(read_process(child, 10)) == 10
    os.kill(child, 0)


def test_own_memory_is_read() -> None:
    """A process may always read itself, also while it grows by reading."""
    marker = np.frombuffer(os.urandom(4 * PAGE_SIZE), np.uint8).copy()

    assert (
        marker[PAGE_SIZE : PAGE_SIZE + 64].tobytes()
        in read_process(os.getpid()).tobytes()
    )


def test_command_writes_a_page_file(child: int, tmp_path: Path) -> None:
    """The file is whole pages, its owner's alone, and nothing else is left."""
    file = tmp_path / "heap.pages"
    done = capture(child, file)

    assert (done.returncode, done.stderr) == (0, "")
    assert has_pattern(file.read_bytes())
    pages = file.stat().st_size // PAGE_SIZE
    assert done.stdout.startswith(f"{file}: {pages} pages, ")
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_command_keeps_the_limit(child: int, tmp_path: Path) -> None:
    """The limit is a size, in whole pages."""
    file = tmp_path / "heap.pages"

    assert capture(child, file, "--limit", "50K").returncode == 0
    assert file.stat().st_size == 12 * PAGE_SIZE


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("999999999", "out"), 2, "pid 999999999: no such process"),
        (("0", "out"), 2, "must be a number from 1 to 999999999"),
        (("{self}", "out", "--limit", "1K"), 2, "at least a page"),
        (("{self}", "/dev/null"), 2, "/dev/null: exists and is not a regular file"),
        (("{self}", "no/such/out"), 1, "no/such/out: No such file or directory"),
        ((), 2, "usage:"),
    ],
)
def test_command_explains_errors(
    arguments: tuple[str, ...], status: int, message: str, tmp_path: Path
) -> None:
    """One line, the exit status, no traceback, no file."""
    words = [word.format(self=os.getpid()) for word in arguments]
    if len(words) > 1 and not words[1].startswith("/"):
        words[1] = str(tmp_path / words[1])
    done = capture(*words)

    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_shows_an_example() -> None:
    """A newcomer sees how it is used."""
    assert "python tools/capture_pages.py 4711 heap.pages" in capture("--help").stdout
