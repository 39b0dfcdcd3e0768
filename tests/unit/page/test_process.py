"""Reading a process's memory, on a /proc made of plain files."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mpzswap.errors import InputError
from mpzswap.page import process
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.page.process import Run, explain, parse_maps, read_process

MAPS = """\
00001000-00005000 rw-p 00000000 00:00 0                          [heap]
00005000-00006000 r--p 00000000 00:00 0                          [vvar]
00006000-00007000 rw-p 00000000 08:01 77                         /lib/a b.so
00007000-00008000 rw-s 00000000 00:00 0
00008000-0000a000 rw-p 00000000 00:00 0
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0          [vsyscall]
"""
GONE, THERE, SWAPPED, FILE = 0, 1 << 63, 1 << 62, 1 << 63 | 1 << 61


def make_proc(root: Path, *, pagemap: bool = True) -> None:
    """Make the files of process 7: page n holds the byte n."""
    folder = root / "7"
    folder.mkdir()
    (folder / "maps").write_text(MAPS)
    pages = np.repeat(np.arange(10, dtype=np.uint8), PAGE_SIZE)
    (folder / "mem").write_bytes(pages.tobytes())
    entries = [THERE, THERE, GONE, SWAPPED, FILE, THERE, THERE, THERE, FILE, THERE]
    if pagemap:
        (folder / "pagemap").write_bytes(np.array(entries, "<u8").tobytes())


def numbers(limit: int | None, root: Path) -> list[int]:
    """Give the numbers of the pages read."""
    return [int(page[0]) for page in read_process(7, limit, root)]


def test_only_private_writable_mappings_of_no_file_count() -> None:
    """The rest is never swapped, or is not the process's own."""
    assert parse_maps(MAPS) == [Run(0x1000, 4), Run(0x8000, 2)]


def test_present_and_swapped_pages_are_read(tmp_path: Path) -> None:
    """Pages never touched have no content; a shared one is not anonymous."""
    make_proc(tmp_path)

    assert numbers(None, tmp_path) == [1, 3, 9]


def test_limit_ends_the_reading(tmp_path: Path) -> None:
    """A limit counts pages taken, not pages looked at."""
    make_proc(tmp_path)

    assert numbers(2, tmp_path) == [1, 3]


def test_without_pagemap_every_page_is_read(tmp_path: Path) -> None:
    """Kernels without it, and some sandboxes."""
    make_proc(tmp_path, pagemap=False)

    assert numbers(None, tmp_path) == [1, 2, 3, 4, 8, 9]


def test_long_mapping_is_read_in_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run ends where the mapping or the room for a run does."""
    make_proc(tmp_path, pagemap=False)
    monkeypatch.setattr(process, "RUN_PAGES", 3)

    assert numbers(None, tmp_path) == [1, 2, 3, 4, 8, 9]


def test_vanished_page_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those before and after it are still there."""
    make_proc(tmp_path, pagemap=False)
    honest = os.pread

    def holed(fd: int, size: int, place: int) -> bytes:
        if place == 2 * PAGE_SIZE:
            raise OSError(5, "Input/output error")
        return honest(fd, min(size, max(2 * PAGE_SIZE - place, 0) or size), place)

    monkeypatch.setattr(os, "pread", holed)

    assert numbers(None, tmp_path) == [1, 3, 4, 8, 9]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FileNotFoundError(2, "x"), "pid 7: no such process"),
        (ProcessLookupError(3, "x"), "pid 7: no such process"),
        (PermissionError(13, "x"), "pid 7: .*same user.*ptrace_scope.*CAP_SYS_PTRACE"),
        (OSError(12, "No memory"), "pid 7: its memory cannot be read: No memory"),
    ],
)
def test_error_of_the_system_is_explained(error: OSError, message: str) -> None:
    """The message names the process and what to check, in one line."""
    explained = explain(7, error)

    assert "\n" not in str(explained)
    with pytest.raises(InputError, match=message):
        raise explained


def test_refused_process_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What opening raises is mapped, whoever runs the test."""
    make_proc(tmp_path)

    def refuse(*_args: object, **_options: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)

    with pytest.raises(InputError, match="pid 7: the system does not let us"):
        read_process(7, None, tmp_path)


def test_process_that_has_ended_is_no_process() -> None:
    """The number of a child that was waited for belongs to nobody."""
    with subprocess.Popen(["true"]) as child:
        child.wait(timeout=10)

    with pytest.raises(InputError, match=f"pid {child.pid}: no such process"):
        read_process(child.pid)


def test_process_without_memory_is_named(tmp_path: Path) -> None:
    """Kernel threads and zombies have no mappings."""
    make_proc(tmp_path)
    (tmp_path / "7" / "maps").write_text("")

    with pytest.raises(InputError, match="pid 7: has no anonymous memory"):
        read_process(7, None, tmp_path)


def test_kernel_thread_has_no_memory() -> None:
    """It is there, and has no mappings."""
    threads = [
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/comm")
        if path.read_text().startswith("kthreadd")
    ]
    if not threads:
        pytest.skip("no kernel thread can be seen from here")

    with pytest.raises(InputError, match=r"has no anonymous memory|does not let us"):
        read_process(int(threads[0]))


def test_process_that_dies_meanwhile_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its mappings and its memory: no traceback, and no pages of nobody."""
    with subprocess.Popen(["sleep", "60"]) as child:

        def parse_and_kill(text: str) -> list[Run]:
            child.kill()
            child.wait(timeout=10)
            return parse_maps(text)

        monkeypatch.setattr(process, "parse_maps", parse_and_kill)

        with pytest.raises(InputError, match=f"pid {child.pid}: no such process"):
            read_process(child.pid)


def test_process_that_dies_while_it_is_read_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its files are open, and give nothing any more."""
    with subprocess.Popen(["sleep", "60"]) as child:

        def kill_and_split(mappings: list[Run]) -> Iterator[Run]:
            child.kill()
            child.wait(timeout=10)
            yield from mappings

        monkeypatch.setattr(process, "split", kill_and_split)

        with pytest.raises(InputError, match=f"pid {child.pid}: "):
            read_process(child.pid)
