"""
Page sources: what ``--pages`` may name.

    mix:NAME    a seeded generator                      page/mix.py
    pid:N       a live process's anonymous memory       page/process.py
    PATH        a file, or a folder with all below it   page/files.py

A file whose name begins with ``mix:`` or ``pid:`` is meant by ``./mix:...``.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from mpzswap.errors import InputError
from mpzswap.page.files import read_files
from mpzswap.page.frame import Pages
from mpzswap.page.mix import MIXES, find, generate
from mpzswap.page.process import read_process

# Where a user names no pages.
DEFAULT_SOURCE = "mix:mixed"
# Of more digits than Linux gives: at most 2**22 (include/linux/threads.h).
PROCESS_ID = r"[1-9][0-9]{0,8}"


@dataclass(frozen=True, eq=False)
class PageSource:
    """Pages, read-only, and where they came from."""

    # As the user gave it.
    name: str
    pages: Pages
    # A line for people.
    description: str


def load_pages(source: str, count: int | None = None, seed: int = 0) -> PageSource:
    """
    Load the pages that *source* names.

    Args:
        source: ``mix:NAME``, ``pid:N`` or a path.
        count: How many; a mix gives just so many, others at most (None: all).
        seed: What the pages of a mix follow from; others take no notice.

    Raises:
        InputError: the source is wrong, or gives no pages.
    """
    if count is not None and count < 1:
        raise InputError(f"pages {source}: count must be at least 1, not {count}")
    check_name(source)
    kind, colon, name = source.partition(":")
    if colon and kind == "mix":
        pages, description = load_mix(name, count, seed)
    elif colon and kind == "pid":
        pages, description = load_process(name, count)
    else:
        pages, description = load_path(source, count)
    pages.setflags(write=False)
    return PageSource(source, pages, description)


def check_name(source: str) -> None:
    """
    Refuse a name that no report could tell.

    Raises:
        InputError: it is no text.
    """
    try:
        source.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"pages {source!r}: must be a name in UTF-8") from error


def load_mix(name: str, count: int | None, seed: int) -> tuple[Pages, str]:
    """Generate *count* pages of a mix."""
    mix = find(name)
    if count is None:
        raise InputError(f"pages mix:{name}: a mix has no end, a count is needed")
    return generate(name, count, seed), f"mix {name}, seed {seed}: {mix.summary}"


def load_process(name: str, count: int | None) -> tuple[Pages, str]:
    """Read up to *count* pages of a process."""
    if not re.fullmatch(PROCESS_ID, name):
        raise InputError(f"pages pid:{name}: not a process id (from 1 to 999999999)")
    return read_process(int(name), count), f"anonymous memory of process {name}"


def load_path(source: str, count: int | None) -> tuple[Pages, str]:
    """Read up to *count* pages of a file or a folder."""
    path = Path(source)
    if source in MIXES and not path.exists():
        raise InputError(f"pages {source}: no such file; did you mean mix:{source}?")
    if not source:
        raise InputError("pages: an empty name; give mix:NAME, pid:N or a path")
    found = read_files(path, count)
    if not path.is_dir():
        return found.pages, f"file {source}"
    skipped = f", {found.skipped} skipped as unreadable" if found.skipped else ""
    return found.pages, f"folder {source}: files: {found.files}{skipped}"
