"""
The swap file: pages that zswap would not take, or had to give up.

    store   slots -> runs that lie side by side -> pwritev -> checksum and slot noted
    load    slot -> preadv -> checksum compared -> the page, or an error with its offset

In the kernel a page's swap offset is its place in the swap area.  Offsets are the
caller's here and may be far apart, so a page gets the next free slot and the file
is no longer than what was in it at a time.  The file has no name: whatever kills
us, nothing is left of it.

A page is noted after all of it was written; until then nobody finds it.  It may be
in the page cache only: if the disk loses it later, the checksum says so.  That is the
caller's, made when the page was known to be right, and not one of what is written.
"""

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self, TypeAlias

import msgspec

from mpzswap.acomp.checksum import checksum
from mpzswap.errors import LoadError, NotStoredError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.zswap.swap_entry import swp_name

# What write(2) gives where the disk, the quota or the file size is at its end, or
# the disk is broken: the page stays where it is. Any other error is a bug of ours.
NOT_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
# Where temporary files go, for whoever says so: tempfile passes over one that it
# cannot write to, and a swap file in another place than was said is no help.
FOLDER_VARIABLE = "TMPDIR"
# Pages in one pwritev: UIO_MAXIOV (include/uapi/linux/uio.h) allows 1024.
MAX_RUN_PAGES = 512

# A page to be written: swap offset, bytes, checksum.
SwapPage: TypeAlias = tuple[int, memoryview, int]


def swap_folder() -> str:
    """Give the folder in which swap files are made."""
    return os.environ.get(FOLDER_VARIABLE) or tempfile.gettempdir()


class SwapReadError(LoadError):
    """
    A page could not be read from the swap file, or came back damaged.

    If it is in zswap but could not be decompressed: LoadError.
    """

    def __init__(
        self, offset: int, reason: str, failures: dict[int, int] | None = None
    ) -> None:
        super().__init__(failures or {offset: -errno.EIO})
        more = f" (and {len(self.failures) - 1} more)" if len(self.failures) > 1 else ""
        self.offset = offset
        self.reason = reason
        self.args = (f"{swp_name(offset)}: {reason}{more}",)


class Slot(msgspec.Struct, frozen=True, gc=False):
    """Where a page is in the file, counted in pages, and its checksum."""

    number: int
    crc: int


class SwapFile:
    """
    A swap area of one owner; not for several threads.

    Args:
        fd: a file that can be read and written; ours from now on.
        max_pages: pages that it may hold.

    Attributes:
        slots: the slot of each swap offset.
    """

    def __init__(self, fd: int, max_pages: int) -> None:
        self.slots: dict[int, Slot] = {}
        self._fd = fd
        self._max_pages = max_pages
        # Slots that were in use; those from _next on never were.
        self._free: list[int] = []
        self._next = 0
        # The disk had no room, and nothing was freed since.
        self._refused = False

    @classmethod
    def create(cls, directory: str | Path, max_pages: int) -> Self:
        """
        Make a file without a name (O_TMPFILE) in *directory*.

        Raises:
            OSError: no file can be made there.
        """
        with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
            return cls(os.dup(file.fileno()), max_pages)

    def close(self) -> None:
        """Forget all pages; the file goes with its last descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
        self.slots.clear()

    def __contains__(self, offset: int) -> bool:
        """Tell whether a page is stored at *offset*."""
        return offset in self.slots

    def __len__(self) -> int:
        """Give the number of stored pages."""
        return len(self.slots)

    @property
    def space_left(self) -> int:
        """
        Pages that it may still hold.

        None where the disk had no room the last time, until a page of ours is freed:
        to try each time costs as much as to write.
        """
        if self._refused and self.slots:
            return 0
        return self._max_pages - len(self.slots)

    def store(self, offset: int, page: memoryview) -> bool:
        """Store one page as it is; False if there is no room, as of ``store_many``."""
        return self.store_many([(offset, page, checksum(page))]) == 1

    def store_many(self, pages: Sequence[SwapPage]) -> int:
        """
        Store pages, in their order, until there is no room; give how many were.

        What was stored at their offsets before is gone in either case.
        """
        for offset, _, _ in pages:
            self.free(offset)
        numbers = self._take(len(pages))
        written = 0
        try:
            for first, last in _runs(numbers):
                views = [page for _, page, _ in pages[first:last]]
                count = self._write(numbers[first], views)
                written += count
                self._refused = count < last - first
                if self._refused:
                    break
        finally:
            self._free.extend(numbers[written:])
        for number, (offset, _, crc) in zip(numbers, pages[:written], strict=False):
            self.slots[offset] = Slot(number, crc)
        return written

    def load(self, offset: int, page: memoryview) -> None:
        """
        Read the page at *offset* into *page*, 4096 bytes; it stays stored.

        Raises:
            NotStoredError: none is stored there.
            SwapReadError: it could not be read, or is not what was written;
                *page* holds whatever came.
        """
        slot = self.slots.get(offset)
        if slot is None:
            raise NotStoredError(f"{swp_name(offset)}: not in the swap file")
        try:
            count = os.preadv(self._fd, [page], slot.number * PAGE_SIZE)
        except OSError as error:
            raise SwapReadError(offset, f"swap file: {error.strerror}") from error
        if count != PAGE_SIZE:
            raise SwapReadError(
                offset, f"swap file ends after {count} of {PAGE_SIZE} bytes"
            )
        crc = checksum(page)
        if crc != slot.crc:
            raise SwapReadError(
                offset,
                f"damaged in the swap file: CRC-32 {crc:#010x}, "
                f"must be {slot.crc:#010x}",
            )

    def free(self, offset: int) -> bool:
        """Forget the page at *offset*; False if there is none."""
        slot = self.slots.pop(offset, None)
        if slot is None:
            return False
        self._free.append(slot.number)
        self._refused = False
        return True

    def withdraw(self, offsets: Iterable[int]) -> None:
        """Forget what was written of something that had no room as a whole."""
        refused = self._refused
        for offset in offsets:
            self.free(offset)
        # The room that this gives is what was too little.
        self._refused = refused

    def _take(self, wanted: int) -> list[int]:
        """Give up to *wanted* free slots, rising, so that runs are long."""
        count = max(0, min(wanted, self._max_pages - len(self.slots)))
        used = min(count, len(self._free))
        numbers = sorted(self._free[len(self._free) - used :])
        del self._free[len(self._free) - used :]
        fresh = range(self._next, self._next + count - used)
        self._next = fresh.stop
        numbers.extend(fresh)
        return numbers

    def _write(self, number: int, views: list[memoryview]) -> int:
        """Write pages from slot *number* on; give how many were written whole."""
        try:
            count = os.pwritev(self._fd, views, number * PAGE_SIZE)
        except OSError as error:
            if error.errno not in NOT_WRITTEN:
                raise
            return 0
        return count // PAGE_SIZE


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Give first and last place, exclusive, of each run of successive numbers."""
    first = 0
    for place in range(1, len(numbers) + 1):
        ends = place == len(numbers) or numbers[place] != numbers[place - 1] + 1
        if ends or place - first == MAX_RUN_PAGES:
            yield first, place
            first = place
