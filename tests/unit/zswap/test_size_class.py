"""The size classes, against those that the kernel documents."""

import pytest

from mpzswap.zswap.size_class import (
    HANDLE_BYTES,
    NR_CLASSES,
    class_index,
    pages_per_zspage,
    size_classes,
)

# Linux 6.6, Documentation/mm/zsmalloc.rst: the largest class below a whole page, by
# the longest chain.
WATERMARKS = {4: 3264, 5: 3408, 6: 3504, 7: 3584, 8: 3632, 9: 3680, 12: 3776, 16: 3840}
# The same table has 123 classes for chains of 8.  It was made by the rule before
# 6.3, which compared whole percents; the code compares bytes, and gets 119.
CLUSTERS = {4: 69, 5: 86, 8: 119}


@pytest.mark.parametrize("chain", WATERMARKS)
def test_watermark_is_that_of_the_kernel(chain: int) -> None:
    """Objects above it take a whole page; longer chains move it up."""
    assert sorted({each.size for each in size_classes(chain)})[-2:] == [
        WATERMARKS[chain],
        4096,
    ]


@pytest.mark.parametrize("chain", CLUSTERS)
def test_255_classes_are_merged(chain: int) -> None:
    """Before merging there are as many as the kernel says, and fewer after it."""
    classes = size_classes(chain)

    assert len(classes) == NR_CLASSES == 255
    assert len({each.size for each in classes}) == CLUSTERS[chain]


@pytest.mark.parametrize(
    ("index", "size", "pages"),
    [
        (30, 512, 1),
        (202, 3264, 4),
        (211, 3408, 5),
        (217, 3504, 6),
        (222, 3584, 7),
        (225, 3632, 8),
        (254, 4096, 1),
    ],
)
def test_class_of_a_chain_of_8(index: int, size: int, pages: int) -> None:
    """The classes that the kernel lists for its default have this index and chain."""
    size_class = size_classes()[index]

    assert (size_class.size, size_class.pages) == (size, pages)


def test_classes_that_waste_alike_are_merged() -> None:
    """With chains of 4, what fits class 95 is stored in class 100 of 1632 bytes."""
    classes = size_classes(4)

    assert {classes[index].size for index in range(95, 101)} == {1632}
    assert (classes[100].pages, classes[100].objects) == (2, 5)


def test_objects_fill_a_zspage_without_overlap() -> None:
    """Objects lie side by side, and the last ends within the chain."""
    for each in size_classes():
        ends = [offset + each.size for offset in each.offsets]

        assert max(ends) <= each.pages * 4096
        assert ends[1:] == list(each.offsets[:-1])


def test_class_1568_wants_5_pages() -> None:
    """The documented example: of chains up to 5 pages, 5 waste least."""
    assert pages_per_zspage(1568, 5) == 5


def test_every_size_fits_its_class() -> None:
    """An object and its handle fit, save that a whole page has its handle elsewhere."""
    classes = size_classes()
    sizes = [classes[class_index(size)].size for size in range(1, 4097)]

    assert all(
        got >= size + HANDLE_BYTES or got == 4096 for size, got in enumerate(sizes, 1)
    )
    assert sizes[3624 - 1] == 3632
    assert sizes[3625 - 1] == 4096
