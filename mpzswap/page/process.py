"""
Pages of a live process: its anonymous memory, which is what the kernel swaps out.

    /proc/N/maps      which addresses are private, writable and of no file
    /proc/N/pagemap   which of their pages exist, in memory or in swap
    /proc/N/mem       what is in them

The process is not stopped.  It may write a page while we read it, so a page may be
half old and half new: still such content as a swapped page has, but no snapshot.
Pages that it gives back meanwhile are left out.

Source: Linux, Documentation/filesystems/proc.rst and admin-guide/mm/pagemap.rst.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpzswap.errors import InputError
from mpzswap.page.frame import PAGE_SIZE, Pages

PROC = Path("/proc")

# Bits of a page's entry in /proc/N/pagemap.
PRESENT = np.uint64(1 << 63)
SWAPPED = np.uint64(1 << 62)
FILE_OR_SHARED = np.uint64(1 << 61)
ENTRY_BYTES = 8

# Pages looked up or read in one call: a long run costs few calls, and a program that
# reserves terabytes costs us little memory.
RUN_PAGES = 4096

# What reading gives where a page has gone meanwhile, or is a guard.
VANISHED = (errno.EIO, errno.EFAULT)


@dataclass(frozen=True)
class Run:
    """Pages that follow each other in a process's memory."""

    address: int
    count: int


def read_process(pid: int, limit: int | None = None, proc: Path = PROC) -> Pages:
    """
    Read up to *limit* anonymous pages of the process *pid*, by rising address.

    Raises:
        InputError: no such process, no permission, or it has no such pages.
    """
    folder = proc / str(pid)
    try:
        # First of all: a kernel thread has no mappings, and no memory to open.
        mappings = parse_maps((folder / "maps").read_text(errors="replace"))
        data = read_mappings(folder, mappings, limit) if mappings else b""
    except OSError as error:
        raise explain(pid, error) from error
    if not data:
        raise InputError(f"pid {pid}: has no anonymous memory that can be read")
    return np.frombuffer(data, np.uint8).reshape(-1, PAGE_SIZE)


def explain(pid: int, error: OSError) -> InputError:
    """Say in one line why the memory of *pid* cannot be read, and what to check."""
    if isinstance(error, FileNotFoundError | ProcessLookupError):
        return InputError(f"pid {pid}: no such process")
    if isinstance(error, PermissionError):
        return InputError(
            f"pid {pid}: the system does not let us read its memory; check that it is"
            " the same user's, and kernel.yama.ptrace_scope (0 lets us), or have"
            " CAP_SYS_PTRACE"
        )
    return InputError(f"pid {pid}: its memory cannot be read: {error.strerror}")


def parse_maps(text: str) -> list[Run]:
    """Give the private, writable mappings of no file in a /proc/N/maps."""
    mappings = []
    for line in text.splitlines():
        span, flags, _offset, _device, inode = line.split(maxsplit=5)[:5]
        if flags.startswith("rw") and flags.endswith("p") and inode == "0":
            start, end = (int(address, 16) for address in span.split("-"))
            mappings.append(Run(start, (end - start) // PAGE_SIZE))
    return mappings


def read_mappings(folder: Path, mappings: list[Run], limit: int | None) -> bytearray:
    """Read up to *limit* of the pages that exist in *mappings*."""
    data = bytearray()
    with ExitStack() as stack:
        memory = stack.enter_context((folder / "mem").open("rb", buffering=0))
        pagemap = None
        # Not every kernel has it (CONFIG_PROC_PAGE_MONITOR).  Without it, pages
        # that were never touched are taken too; they read as zeros.
        with suppress(FileNotFoundError):
            file = stack.enter_context((folder / "pagemap").open("rb", buffering=0))
            pagemap = file.fileno()
        for run in existing(pagemap, mappings):
            room = run.count if limit is None else limit - len(data) // PAGE_SIZE
            if room <= 0:
                break
            read_run(memory.fileno(), Run(run.address, min(run.count, room)), data)
    return data


def existing(pagemap: int | None, mappings: list[Run]) -> Iterator[Run]:
    """Give the runs of pages in *mappings* that have content of their own."""
    for part in split(mappings):
        if pagemap is None:
            yield part
        else:
            yield from runs_of(look_up(pagemap, part), part.address)


def split(mappings: list[Run]) -> Iterator[Run]:
    """Cut *mappings* into runs of at most RUN_PAGES."""
    for mapping in mappings:
        for first in range(0, mapping.count, RUN_PAGES):
            count = min(RUN_PAGES, mapping.count - first)
            yield Run(mapping.address + first * PAGE_SIZE, count)


def look_up(pagemap: int, run: Run) -> NDArray[np.bool_]:
    """Say of each page in *run* whether it exists and is anonymous and private."""
    place = run.address // PAGE_SIZE * ENTRY_BYTES
    entries = np.frombuffer(os.pread(pagemap, run.count * ENTRY_BYTES, place), "<u8")
    there: NDArray[np.bool_] = (entries & (PRESENT | SWAPPED)).astype(bool)
    there &= (entries & FILE_OR_SHARED) == 0
    return there


def runs_of(there: NDArray[np.bool_], address: int) -> Iterator[Run]:
    """Give each stretch of true values, of pages that begin at *address*."""
    edges = np.flatnonzero(np.diff(there, prepend=False, append=False)).tolist()
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        yield Run(address + first * PAGE_SIZE, end - first)


def read_run(memory: int, run: Run, data: bytearray) -> None:
    """Append the pages of *run* to *data*, save those that have vanished."""
    address, end = run.address, run.address + run.count * PAGE_SIZE
    while address < end:
        part = read_some(memory, address, end - address)
        whole = len(part) - len(part) % PAGE_SIZE
        data += part[:whole]
        address += whole
        if address < end:
            # The page at which reading stopped; those after it may still be there.
            address += PAGE_SIZE


def read_some(memory: int, address: int, size: int) -> bytes:
    """Read from *address* up to what has vanished; nothing if that is right there."""
    try:
        return os.pread(memory, size, address)
    except OSError as error:
        if error.errno in VANISHED:
            return b""
        raise
