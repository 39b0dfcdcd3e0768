"""Packed pages: where each is, whatever the parts."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpzswap.acomp.request import Path
from mpzswap.machine.packed import Packed, PackedPart, Packing

STREAMS = st.lists(st.binary(max_size=9), max_size=20)


def packed_in_parts(streams: list[bytes], pages_per_part: int) -> Packed:
    """Pack them, the last part first."""
    packing = Packing("lz4", len(streams), pages_per_part)
    for first in reversed(range(0, len(streams), pages_per_part)):
        part = streams[first : first + pages_per_part]
        columns = [[value] * len(part) for value in (1, int(Path.DEVICE), 77)]
        lengths = [len(stream) for stream in part]
        packing.put(first, PackedPart(b"".join(part), lengths, *columns))
    return packing.done()


@given(streams=STREAMS, pages_per_part=st.integers(1, 21))
def test_each_page_is_what_was_packed(
    streams: list[bytes], pages_per_part: int
) -> None:
    """By its number, in turn, and in runs of a part."""
    packed = packed_in_parts(streams, pages_per_part)

    assert [bytes(page) for page in packed] == streams
    assert [bytes(packed[i - len(streams)]) for i in range(len(streams))] == streams
    assert len(packed) == len(streams)
    assert packed.nbytes == sum(map(len, streams))
    for first in range(0, len(streams), pages_per_part):
        run = range(first, min(first + pages_per_part, len(streams)))
        assert bytes(packed.run(run)) == b"".join(streams[run.start : run.stop])


@given(streams=STREAMS)
def test_packed_by_hand_is_as_packed(streams: list[bytes]) -> None:
    """A stream a page; no checksums unless they are given."""
    packed = Packed.of("lz4", streams, np.zeros(len(streams), np.uint8))

    assert [bytes(page) for page in packed] == streams
    assert packed.checksums is None


@pytest.mark.parametrize("index", [3, -4])
def test_page_that_is_not_there_is_an_index_error(index: int) -> None:
    """As of any sequence."""
    packed = packed_in_parts([b"a", b"", b"bc"], 2)

    with pytest.raises(IndexError):
        packed[index]


def test_packed_pages_can_be_pickled() -> None:
    """They are kept, and sent elsewhere."""
    packed = packed_in_parts([b"a", b"bc", b"d"], 2)
    again = pickle.loads(pickle.dumps(packed))

    assert [bytes(page) for page in again] == [b"a", b"bc", b"d"]
    assert again.compressor == "lz4"
