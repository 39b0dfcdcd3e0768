"""The allocator of the pool."""

import random

import pytest

from mpzswap.zswap.zsmalloc import MAX_SPARE_PAGES, Zsmalloc, Zspage


def put(zsmalloc: Zsmalloc, data: bytes) -> int:
    """Store *data* in a new object."""
    handle = zsmalloc.alloc(len(data))
    zsmalloc.write(handle, memoryview(data))
    return handle


@pytest.mark.parametrize("size", [1, 24, 25, 1000, 3624, 3625, 4095, 4096])
def test_object_keeps_its_bytes(size: int) -> None:
    """What was written is read, at the edges of classes too."""
    zsmalloc = Zsmalloc()
    data = random.Random(size).randbytes(size)
    handle = put(zsmalloc, data)

    assert zsmalloc.view(handle, size) == data


@pytest.mark.parametrize(
    ("size", "count", "pages"),
    [
        (4096, 3, 3),
        (3625, 3, 3),
        (3624, 9, 8),
        (3624, 10, 16),
        (1624, 1, 2),
        (1624, 5, 2),
        (1624, 6, 4),
        (24, 128, 1),
        (24, 129, 2),
    ],
)
def test_pages_are_those_of_whole_zspages(size: int, count: int, pages: int) -> None:
    """A zspage is paid for when its first object comes; huge objects take a page."""
    zsmalloc = Zsmalloc()
    for _ in range(count):
        zsmalloc.alloc(size)

    assert zsmalloc.nr_pages == pages


def test_empty_zspage_is_given_back() -> None:
    """The last object takes its zspage's pages along, and no other does."""
    zsmalloc = Zsmalloc()
    handles = [zsmalloc.alloc(1624) for _ in range(5)]
    for handle in handles[1:]:
        zsmalloc.free(handle)

    assert zsmalloc.nr_pages == 2
    zsmalloc.free(handles[0])
    assert zsmalloc.nr_pages == 0


def test_freed_object_is_used_again() -> None:
    """A free slot of a full zspage is taken before a new zspage is made."""
    zsmalloc = Zsmalloc()
    handles = [zsmalloc.alloc(1624) for _ in range(10)]
    zsmalloc.free(handles[2])

    assert zsmalloc.alloc(1624) == handles[2]
    assert zsmalloc.nr_pages == 4


def test_freed_handle_of_a_forgotten_zspage_is_refused() -> None:
    """A second free of the only object is a bug and is not passed over."""
    zsmalloc = Zsmalloc()
    handle = zsmalloc.alloc(4096)
    zsmalloc.free(handle)

    with pytest.raises(KeyError):
        zsmalloc.free(handle)


def test_many_objects_are_as_one_after_the_other() -> None:
    """Of each buffer the first bytes alone are kept, and all handles differ."""
    zsmalloc, handles = Zsmalloc(), [5]
    pages = [random.Random(seed).randbytes(4096) for seed in range(40)]
    lengths = [1 + 100 * seed for seed in range(40)]
    zsmalloc.put_many(map(memoryview, pages), lengths, handles)

    assert handles.pop(0) == 5
    assert len(set(handles)) == 40
    kept = zip(handles, lengths, strict=True)
    assert [bytes(zsmalloc.view(*each)) for each in kept] == [
        page[:length] for page, length in zip(pages, lengths, strict=True)
    ]


def test_objects_before_the_memory_ended_are_there() -> None:
    """Whoever put them has their handles, and can free or use them."""
    zsmalloc, handles = Zsmalloc(), list[int]()
    zsmalloc.alloc(100)

    def grow(*_: object) -> Zspage:
        raise MemoryError

    zsmalloc._grow = grow  # type: ignore[assignment,method-assign]  # a fault
    pages = [memoryview(bytes([number]) * 4096) for number in range(3)]
    with pytest.raises(MemoryError):
        zsmalloc.put_many(pages, [100, 100, 4096], handles)

    assert [zsmalloc.view(each, 1) for each in handles] == [b"\0", b"\1"]


def test_memory_of_a_zspage_that_is_gone_is_used_again() -> None:
    """It is not new to the process, up to the named limit."""
    zsmalloc = Zsmalloc()
    handles = [zsmalloc.alloc(4096) for _ in range(MAX_SPARE_PAGES + 10)]
    for handle in handles:
        zsmalloc.write(handle, memoryview(b"old"))
        zsmalloc.free(handle)

    assert zsmalloc.nr_pages == 0
    found = [zsmalloc.alloc(4096) for _ in handles]
    again = [zsmalloc.view(handle, 3) for handle in found]
    assert again.count(memoryview(b"old")) == MAX_SPARE_PAGES


def test_objects_do_not_touch_each_other() -> None:
    """Thousands of objects come and go in random order; each keeps its bytes."""
    zsmalloc = Zsmalloc()
    rng = random.Random(3)
    kept: dict[int, bytes] = {}
    for step in range(6000):
        if kept and rng.random() < 0.45:
            handle = rng.choice(list(kept)[-50:])
            data = kept.pop(handle)
            assert zsmalloc.view(handle, len(data)) == data
            zsmalloc.free(handle)
        else:
            data = step.to_bytes(4, "little") * rng.randrange(1, 1025)
            handle = put(zsmalloc, data)
            assert handle not in kept
            kept[handle] = data

    assert all(zsmalloc.view(each, len(data)) == data for each, data in kept.items())
    for handle in kept:
        zsmalloc.free(handle)
    assert zsmalloc.nr_pages == 0
    assert not any(with_free for _, with_free in zsmalloc._by_size)
