"""The entries as an LRU with a second chance, and what Ctrl-C leaves of them."""

import contextlib
import signal
from types import FrameType

from mpzswap.page.frame import PAGE_SIZE
from mpzswap.zswap.entry import Entries

PAGE = memoryview(bytes(PAGE_SIZE))


def entries_at(*offsets: int) -> Entries:
    """Give entries of 100 bytes each, stored in this order."""
    entries = Entries()
    for offset in offsets:
        entries.insert(offset, PAGE[:100])
    return entries


def order(entries: Entries) -> list[int]:
    """Give the offsets from the coldest to the hottest."""
    return list(entries.by_offset)


def test_coldest_is_what_was_stored_first() -> None:
    """All are referenced, so once round; then the oldest come out, in order."""
    entries = entries_at(5, 3, 9)

    assert list(entries.coldest(2)) == [5, 3]
    assert order(entries) == [9, 5, 3]


def test_referenced_entry_has_a_second_chance() -> None:
    """What was loaded since is passed over once, and is cold the next time."""
    entries = entries_at(1, 2, 3)
    entries.coldest(0)
    for entry in entries.by_offset.values():
        entry.referenced = False
    entries.by_offset[1].referenced = True

    assert list(entries.coldest(1)) == [2]
    assert order(entries) == [3, 1, 2]
    assert list(entries.coldest(2)) == [3, 1]


def test_new_entry_has_a_second_chance() -> None:
    """What came after the last walk outlives what that walk has passed."""
    entries = entries_at(1, 2)
    entries.coldest(1)
    entries.insert(3, PAGE[:100])
    entries.erase(1)

    assert list(entries.coldest(2)) == [2, 3]


def test_page_stored_anew_is_the_hottest() -> None:
    """The LRU is by the last store."""
    entries = entries_at(1, 2, 3)
    entries.erase(1)
    entries.insert(1, PAGE[:100])

    assert list(entries.coldest(3)) == [2, 3, 1]


def test_same_filled_entries_are_not_written_back() -> None:
    """They take no memory: nothing is gained."""
    entries = entries_at(2)
    entries.insert_same_filled(1, 0)
    entries.insert_same_filled(3, 0)

    assert list(entries.coldest(5)) == [2]
    assert list(entries.coldest(5)) == [2]


def test_no_entry_is_given_twice() -> None:
    """Asked for more than there are, a walk ends with all of them."""
    assert list(entries_at(1, 2).coldest(10)) == [1, 2]
    assert not Entries().coldest(10)
    only_same_filled = Entries()
    only_same_filled.insert_same_filled(1, 0)
    assert not only_same_filled.coldest(10)


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Be Ctrl-C, which comes when a timer says so."""
    raise KeyboardInterrupt


def test_interrupt_anywhere_leaves_all_or_nothing() -> None:
    """Real signals, each a bit later: what is there is charged, and can be used."""
    lengths = [1360, 2048, 3000, PAGE_SIZE] * 16
    data = [memoryview(bytes([number]) * PAGE_SIZE) for number in range(len(lengths))]
    offsets = range(len(lengths))
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for after_us in range(5, 105):
            entries = Entries()
            with contextlib.suppress(KeyboardInterrupt):
                try:
                    signal.setitimer(signal.ITIMER_REAL, after_us / 1e6)
                    entries.insert_many(offsets, data, lengths, lengths)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            assert len(entries.by_offset) in {0, len(lengths)}
            assert entries.charged_bytes in {0, sum(lengths)}
            assert sum(map(entries.erase, offsets)) in {0, len(lengths)}
            assert (entries.charged_bytes, entries.zsmalloc.nr_pages) == (0, 0)
            assert entries.insert_many(offsets, data, lengths, lengths) == len(data)
            for offset, entry in entries.by_offset.items():
                stored = entries.zsmalloc.view(entry.handle, entry.length)
                assert stored == data[offset][: entry.length]
    finally:
        signal.signal(signal.SIGALRM, before)
