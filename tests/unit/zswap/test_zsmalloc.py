"""The allocator of the pool."""

import random

import pytest

from mpzswap.zswap.zsmalloc import Zsmalloc


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
