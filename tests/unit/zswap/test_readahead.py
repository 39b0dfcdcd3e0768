"""The kernel's rule of swap readahead, by hand and in general."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpzswap.zswap.readahead import Readahead

# Hits before each fault, its offset, and the window that is right for it.
Fault = tuple[int, int, range]

# The first hits are set to 0, so that the cases say all that matters.
CASES: dict[str, list[Fault]] = {
    "alone": [(0, 9, range(9, 10)), (0, 700, range(700, 701))],
    "beside the last": [
        (0, 9, range(9, 10)),
        (0, 10, range(10, 12)),
        (0, 9, range(8, 10)),
    ],
    "beside the first page": [(0, 1, range(2))],
    "twice the same": [(0, 9, range(9, 10)), (0, 9, range(9, 10))],
    "a hit": [(1, 9, range(8, 12))],
    "two hits": [(2, 9, range(8, 12))],
    "three hits": [(3, 9, range(8, 16))],
    "six hits": [(6, 9, range(8, 16))],
    "seven hits, at most 2**3": [(7, 17, range(16, 24))],
    "shrinks by half at a time": [
        (3, 8, range(8, 16)),
        (0, 100, range(100, 104)),
        (0, 200, range(200, 202)),
        (0, 300, range(300, 301)),
        (0, 400, range(400, 401)),
    ],
    "last offset is that of a fault without hits": [
        (0, 9, range(9, 10)),
        (1, 50, range(48, 52)),
        (0, 10, range(10, 12)),
        (0, 51, range(51, 52)),
    ],
    "grows again": [
        (0, 4, range(4, 5)),
        (0, 5, range(4, 6)),
        (1, 6, range(4, 8)),
        (3, 8, range(8, 16)),
        (7, 16, range(16, 24)),
    ],
}


def faulted(readahead: Readahead, hits: int, offset: int) -> range:
    """Give the window of a fault after so many hits."""
    for _ in range(hits):
        readahead.hit()
    return readahead.window(offset)


@pytest.mark.parametrize("case", CASES)
def test_window_is_the_kernels(case: str) -> None:
    """For each fault in turn, with page_cluster 3."""
    readahead = Readahead(3)
    readahead.hits = 0

    assert [faulted(readahead, hits, offset) for hits, offset, _ in CASES[case]] == [
        window for _, _, window in CASES[case]
    ]


def test_first_fault_reads_as_if_there_had_been_hits() -> None:
    """The kernel begins with 4 of them."""
    assert [Readahead(5).window(9), Readahead(2).window(9)] == [
        range(8, 16),
        range(8, 12),
    ]


def test_page_cluster_of_0_reads_the_page_alone() -> None:
    """Whatever was hit."""
    readahead = Readahead(0)

    assert faulted(readahead, 7, 9) == range(9, 10)
    assert faulted(readahead, 0, 10) == range(10, 11)


@given(
    st.integers(0, 5),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 1 << 20)), max_size=40),
)
def test_window_is_within_its_bounds(
    page_cluster: int, faults: list[tuple[int, int]]
) -> None:
    """It has the page, is aligned, no larger than it may be, nor shrinks faster."""
    readahead = Readahead(page_cluster)
    last = 0
    for hits, offset in faults:
        window = faulted(readahead, hits, offset)
        size = len(window)

        assert offset in window
        assert size & (size - 1) == 0
        assert window.start % size == 0
        assert last // 2 <= size <= 1 << page_cluster
        last = size
