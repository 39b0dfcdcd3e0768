"""
Pages of a file, or of the files in a folder, in the order of their names.

Each file begins a page and is padded with zeros to whole pages, as the kernel maps
a file.  In a folder only regular files count, and no symbolic link is followed: it
may lead out, or round in a circle.  What cannot be read there is skipped and counted.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mpzswap.errors import InputError
from mpzswap.page.frame import PAGE_SIZE, Pages


@dataclass(frozen=True, eq=False)
class FilePages:
    """The pages, and what they were read from."""

    pages: Pages
    # Files that gave pages.
    files: int
    # Files and folders that could not be read.
    skipped: int


def read_files(path: Path, limit: int | None = None) -> FilePages:
    """
    Read up to *limit* pages of a file or of a folder.

    Raises:
        InputError: it is missing, unreadable, neither file nor folder, or empty.
    """
    try:
        found = read_folder(path, limit) if path.is_dir() else read_named(path, limit)
    except OSError as error:
        raise InputError(f"pages: {path}: {error.strerror}") from error
    if not len(found.pages):
        skipped = f" ({found.skipped} skipped)" if found.skipped else ""
        raise InputError(f"pages: {path}: holds no bytes that can be read{skipped}")
    return found


def read_named(path: Path, limit: int | None) -> FilePages:
    """Read the file that the user named."""
    if not path.is_file():
        raise InputError(f"pages: {path}: {what_is_wrong(path)}")
    return FilePages(as_rows(read_padded(path, limit)), 1, 0)


def what_is_wrong(path: Path) -> str:
    """Say why *path* is no file."""
    known = path.exists() or path.is_symlink()
    return "is neither a file nor a folder" if known else "no such file or folder"


def read_folder(folder: Path, limit: int | None) -> FilePages:
    """Read the files below *folder* until there are *limit* pages."""
    data = bytearray()
    files = 0
    unread: list[OSError] = []
    for path in walk(folder, unread):
        rest = None if limit is None else limit - len(data) // PAGE_SIZE
        if rest == 0:
            break
        try:
            regular = stat.S_ISREG(path.lstat().st_mode)
            more = read_padded(path, rest) if regular else b""
        except OSError as error:
            unread.append(error)
            continue
        data += more
        files += bool(more)
    return FilePages(as_rows(data), files, len(unread))


def walk(folder: Path, unread: list[OSError]) -> Iterator[Path]:
    """Give all that is below *folder*, sorted; note what cannot be listed."""
    for root, folders, names in os.walk(folder, onerror=unread.append):
        # In place: os.walk goes on with the list as it is left.
        folders.sort()
        for name in sorted(names):
            yield Path(root, name)


def read_padded(path: Path, limit: int | None) -> bytes:
    """Read up to *limit* pages of a file, padded with zeros to whole pages."""
    # A file of /proc may have nothing now and something later: not for us to wait.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        data = file.read(-1 if limit is None else limit * PAGE_SIZE) or b""
    return data + bytes(-len(data) % PAGE_SIZE)


def as_rows(data: bytes | bytearray) -> Pages:
    """See whole pages of bytes as an array of them."""
    return np.frombuffer(data, np.uint8).reshape(-1, PAGE_SIZE)
