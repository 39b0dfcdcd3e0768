"""A run of descriptors: what each names, side by side or not."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mpzswap.driver.prepare import Sender, prep_compress, prep_decompress
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.descriptor import DESCRIPTOR, DESCRIPTOR_BYTES, Rows

RECORD = 7 << 40
BUFFER = 8 << 40
PAGES = 9 << 40
ADDRESSES = st.integers(0, (1 << 63) - 1)


def slots_for(count: int) -> Rows:
    """Give slots with something left in them."""
    return np.full((count, DESCRIPTOR_BYTES // 8), 0xA5A5, "<u8")


def column(slots: Rows, name: str) -> list[int]:
    """Give a field of each descriptor."""
    values: list[int] = slots.view(DESCRIPTOR)[name].ravel().tolist()
    return values


@given(pages=st.lists(ADDRESSES, min_size=1, max_size=40))
def test_compression_names_each_page_and_the_buffer_and_record_beside_it(
    pages: Sequence[int],
) -> None:
    """Pages may lie anywhere; records and buffers of a run lie side by side."""
    slots = slots_for(len(pages))
    prep_compress(slots, Sender.of(1).compress, RECORD, pages, BUFFER)
    steps = range(len(pages))

    assert column(slots, "src1_addr") == pages
    assert column(slots, "dst_addr") == [BUFFER + PAGE_SIZE * i for i in steps]
    assert column(slots, "completion_addr") == [RECORD + 64 * i for i in steps]
    assert set(column(slots, "src1_size")) == {PAGE_SIZE}


@given(
    rows=st.lists(
        st.tuples(ADDRESSES, st.integers(1, PAGE_SIZE), ADDRESSES),
        min_size=1,
        max_size=40,
    )
)
def test_decompression_names_each_source_its_size_and_its_page(
    rows: list[tuple[int, int, int]],
) -> None:
    """All of them may lie anywhere."""
    sources, sizes, pages = zip(*rows, strict=True)
    slots = slots_for(len(rows))
    row = Sender.of(1).decompress
    prep_decompress(slots, row, RECORD, (list(sources), list(sizes)), list(pages))

    assert column(slots, "src1_addr") == list(sources)
    assert column(slots, "src1_size") == list(sizes)
    assert column(slots, "dst_addr") == list(pages)


def test_pages_side_by_side_are_prepared_as_any_others() -> None:
    """A range of them only costs less."""
    pages = range(PAGES, PAGES + 5 * PAGE_SIZE, PAGE_SIZE)
    sizes = [5, 4, 3, 2, 1]
    quick, plain = slots_for(5), slots_for(5)
    row = Sender.of(1).decompress
    prep_decompress(quick, row, RECORD, (pages, sizes), pages)
    prep_decompress(plain, row, RECORD, (list(pages), sizes), list(pages))

    assert np.array_equal(quick, plain)


def test_range_with_another_step_is_no_run_of_pages() -> None:
    """It is taken address by address."""
    pages = range(PAGES, PAGES + 10 * PAGE_SIZE, 2 * PAGE_SIZE)
    slots = slots_for(5)
    prep_compress(slots, Sender.of(1).compress, RECORD, pages, BUFFER)

    assert column(slots, "src1_addr") == list(pages)
