"""The swap file: pages on a disk that may be full, or broken."""

import os
import random
import resource
from pathlib import Path

import pytest

from mpzswap.errors import MpzswapError, NotStoredError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.zswap.swap_file import SwapFile, SwapPage, SwapReadError
from tests.tools.zswap_rig import Disk, noise, swap_page, text


def pages(*offsets: int) -> list[SwapPage]:
    """Give a page for each offset, by its number."""
    return [swap_page(offset, noise(offset)) for offset in offsets]


def read(file: SwapFile, offset: int) -> bytes:
    """Read one page."""
    page = bytearray(PAGE_SIZE)
    file.load(offset, memoryview(page))
    return bytes(page)


def test_stored_page_comes_back() -> None:
    """Offsets may be as far apart as they like; a page can be read again."""
    file = Disk()

    assert file.store(2**60, memoryview(text(1)))
    assert file.store(3, memoryview(text(2)))
    assert [read(file, 2**60), read(file, 3), read(file, 3)] == [
        text(1),
        text(2),
        text(2),
    ]
    assert (2**60 in file, 4 in file, len(file)) == (True, False, 2)


def test_file_leaves_no_name(tmp_path: Path) -> None:
    """Whatever kills us, nothing is left: the file has no name while we use it."""
    file = SwapFile.create(tmp_path, 4)
    file.store(1, memoryview(text(1)))

    assert list(tmp_path.iterdir()) == []
    assert read(file, 1) == text(1)
    file.close()
    file.close()
    assert len(file) == 0


def test_page_stored_anew_replaces_the_old_one() -> None:
    """One offset has one page, and its old slot is free."""
    file = Disk(max_pages=1)

    assert file.store(1, memoryview(text(1)))
    assert file.store(1, memoryview(text(2)))
    assert read(file, 1) == text(2)


def test_freed_slots_are_used_again() -> None:
    """The file is no longer than what was in it at a time, in runs or not."""
    file = Disk(max_pages=8)
    file.store_many(pages(*range(8)))
    for offset in (1, 2, 6):
        assert file.free(offset)
    assert not file.free(6)

    assert file.store_many(pages(10, 11, 12)) == 3
    assert os.fstat(file._fd).st_size == 8 * PAGE_SIZE
    for offset in (0, 3, 4, 5, 7, 10, 11, 12):
        assert read(file, offset) == noise(offset)


def test_pages_in_random_order_keep_their_bytes() -> None:
    """Stores of many pages, frees and loads, against a dict."""
    rng = random.Random(4)
    file, kept = Disk(max_pages=40), set[int]()
    for _ in range(200):
        batch = rng.sample(range(60), rng.randrange(1, 9))
        kept -= set(batch)
        kept |= set(batch[: file.store_many(pages(*batch))])
        for offset in rng.sample(range(60), 5):
            assert file.free(offset) == (offset in kept)
            kept.discard(offset)

    assert kept == set(file.slots)
    assert all(read(file, offset) == noise(offset) for offset in kept)


def test_more_than_the_limit_is_not_stored() -> None:
    """The first that have room are; the rest is the caller's still."""
    file = Disk(max_pages=3)

    assert file.store_many(pages(1, 2, 3, 4, 5)) == 3
    assert (file.space_left, sorted(file.slots)) == (0, [1, 2, 3])
    assert not file.store(6, memoryview(noise(6)))


def test_disk_that_was_full_is_tried_again_when_a_page_is_freed() -> None:
    """Until then there is no room, whatever the size of the file."""
    disk = Disk(10, room_pages=2)
    assert disk.store_many(pages(0, 1, 2)) == 2
    assert disk.space_left == 0
    disk.free(0)

    assert disk.space_left == 9


def test_full_disk_stores_nothing() -> None:
    """ENOSPC is told, not raised, and the slots are free again."""
    file = SwapFile(os.open("/dev/full", os.O_RDWR), 10)

    assert file.store_many(pages(1, 2)) == 0
    assert (len(file), file.space_left) == (0, 10)
    file.close()


def test_short_write_stores_the_whole_pages(tmp_path: Path) -> None:
    """The write at the end of a disk is short: pages that fit are kept."""
    file = SwapFile.create(tmp_path, 10)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * PAGE_SIZE + 100, hard))
    try:
        counts = [file.store_many(pages(1, 2, 3, 4)), file.store_many(pages(5))]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert counts == [2, 0]
    assert [read(file, 1), read(file, 2)] == [noise(1), noise(2)]
    assert file.store_many(pages(3, 4)) == 2
    assert [read(file, offset) for offset in (1, 3, 4)] == [
        noise(1),
        noise(3),
        noise(4),
    ]
    file.close()


def test_error_that_is_ours_is_raised(tmp_path: Path) -> None:
    """A descriptor that cannot be written is no full disk; no slot is lost."""
    (tmp_path / "file").touch()
    file = SwapFile(os.open(tmp_path / "file", os.O_RDONLY), 10)

    with pytest.raises(OSError, match="Bad file descriptor"):
        file.store(1, memoryview(text(1)))

    assert (len(file), file._take(1)) == (0, [0])
    file.close()


def test_damaged_page_is_an_error_that_names_the_offset() -> None:
    """One bit is enough; the others are as they were."""
    file = Disk()
    file.store_many(pages(7, 8))
    file.damage(7)

    with pytest.raises(
        SwapReadError, match=r"^swap offset 7: damaged in the swap file: CRC-32 0x.{8},"
    ) as caught:
        read(file, 7)

    assert isinstance(caught.value, MpzswapError)
    assert read(file, 8) == noise(8)


def test_missing_bytes_are_an_error_that_names_the_offset() -> None:
    """A file that was cut says so."""
    file = Disk()
    file.store_many(pages(7))
    os.ftruncate(file._fd, 1000)

    with pytest.raises(SwapReadError, match=r"^swap offset 7: .* after 1000 of 4096"):
        read(file, 7)


def test_disk_that_cannot_be_read_is_an_error_that_names_the_offset(
    tmp_path: Path,
) -> None:
    """What the system says is in the message."""
    file = SwapFile(os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT), 10)
    file.store(7, memoryview(text(7)))

    with pytest.raises(SwapReadError, match=r"^swap offset 7: swap file: Bad file"):
        read(file, 7)
    file.close()


def test_absent_page_is_named() -> None:
    """What was never stored cannot be read."""
    with pytest.raises(NotStoredError, match=r"^swap offset 9: not in the swap file"):
        read(Disk(), 9)
