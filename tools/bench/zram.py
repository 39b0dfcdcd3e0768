"""
A zram device of our own: the kernel's compressed block device, for as long as needed.

Source: Linux, Documentation/admin-guide/blockdev/zram.rst.  Devices that exist belong
to others and are not touched; ours is reset and removed however its block ends.
"""

import errno
import mmap
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mpzswap.errors import MpzswapError
from mpzswap.machine.signals import uninterrupted
from mpzswap.page.frame import PAGE_SIZE, page_views
from tools.bench.fork_join import NS_PER_US, Area, Crew, Work, share

CONTROL = Path("/sys/class/zram-control")
BLOCK = Path("/sys/block")
DEV = Path("/dev")
# Whoever looks at new block devices, as udev does, may have it open for a moment.
REMOVE_LIMIT_S = 5.0
REMOVE_PAUSE_S = 0.05
assert mmap.PAGESIZE == PAGE_SIZE, "O_DIRECT wants pages where shared memory has them"


class ZramUnavailableError(MpzswapError):
    """The kernel has none, or lets us have none; the message says which."""


@dataclass(frozen=True)
class Zram:
    """A device that is ready to be written."""

    number: int

    @property
    def settings(self) -> Path:
        """Where its attributes are."""
        return BLOCK / f"zram{self.number}"

    @property
    def path(self) -> Path:
        """What to open."""
        return DEV / f"zram{self.number}"

    def ratio(self) -> float:
        """Give the bytes that are in it over what they take compressed."""
        stored, compressed = (self.settings / "mm_stat").read_text().split()[:2]
        return int(stored) / int(compressed)


@contextmanager
def new_zram(algorithm: str, size: int) -> Iterator[Zram]:
    """
    Give a device of our own.

    Raises:
        ZramUnavailableError: it cannot be had, or not with this algorithm.
    """
    with ExitStack() as stack:
        try:
            # To read it is what makes a device: it must not go unnoticed.
            with uninterrupted():
                zram = Zram(int((CONTROL / "hot_add").read_text()))
                stack.callback(remove, zram)
            known = (zram.settings / "comp_algorithm").read_text()
            if algorithm not in known.replace("[", "").replace("]", "").split():
                raise ZramUnavailableError(f"zram: has no {algorithm}: {known.strip()}")
            (zram.settings / "comp_algorithm").write_text(algorithm)
            (zram.settings / "disksize").write_text(str(size))
        except OSError as error:
            raise ZramUnavailableError(f"zram: {error}") from error
        yield zram


def remove(zram: Zram) -> None:
    """
    Give its memory back, and the device.

    Raises:
        MpzswapError: somebody else keeps it open.
    """
    give_up_s = time.monotonic() + REMOVE_LIMIT_S
    with uninterrupted():
        for file, text in (
            (zram.settings / "reset", "1"),
            (CONTROL / "hot_remove", str(zram.number)),
        ):
            while not write_unless_busy(file, text):
                if time.monotonic() > give_up_s:
                    raise MpzswapError(
                        f"{zram.path}: busy for {REMOVE_LIMIT_S} s; remove it by hand"
                    )
                time.sleep(REMOVE_PAUSE_S)


def write_unless_busy(file: Path, text: str) -> bool:
    """Write an attribute; say whether it could be."""
    try:
        file.write_text(text)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


class Writers:
    """Processes that write their parts of the pages to a device, 4 KiB at a time."""

    def __init__(self, zram: Zram, area: Area, count: int) -> None:
        self._zram = zram
        self._nr_pages = len(area.pages)
        self.crew = Crew(f"{zram.path}", count, partial(writer_work, zram, area, count))

    def write(self) -> dict[str, float]:
        """Write all pages."""
        elapsed_ns, _ = self.crew.ask(b"w")
        us = elapsed_ns / NS_PER_US / self._nr_pages
        return {"us/page": us, "ratio": self._zram.ratio()}


def writer_work(zram: Zram, area: Area, count: int, number: int) -> Work:
    """Give what process *number* of *count* does."""
    part = share(len(area.pages), count, number)
    views = page_views(area.pages[part])
    places = range(part.start * PAGE_SIZE, part.stop * PAGE_SIZE, PAGE_SIZE)
    disk = os.open(zram.path, os.O_WRONLY | os.O_DIRECT)

    def write() -> int:
        pwrite = os.pwrite
        for view, place in zip(views, places, strict=True):
            pwrite(disk, view, place)
        return 0

    return {b"w": write}
