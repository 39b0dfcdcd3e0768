"""The histogram of durations."""

import msgspec
import numpy as np
import pytest

from mpzswap.clock.histogram import BUCKETS, Histogram, SparseHistogram

LONGEST = (1 << 63) - 1


def durations(seed: int = 1, count: int = 5000) -> list[int]:
    """Give durations of all magnitudes."""
    rng = np.random.default_rng(seed)
    values: list[int] = np.exp(rng.uniform(0, 30, count)).astype(np.int64).tolist()
    return values


def test_empty_histogram_is_all_zero() -> None:
    """Before anything was recorded, a report shows zeros and does not fail."""
    histogram = Histogram()

    assert (histogram.count, histogram.mean, histogram.max) == (0, 0, 0)
    assert (histogram.p50, histogram.p999) == (0, 0)


@pytest.mark.parametrize("ns", [0, 1, 127, 128, 255])
def test_small_value_is_exact(ns: int) -> None:
    """Below 256 ns each value has a bucket of its own."""
    histogram = Histogram()
    histogram.record(ns)
    histogram.record(LONGEST)

    assert histogram.p50 == ns


@pytest.mark.parametrize("bits", range(8, 63))
def test_percentile_is_within_its_promise(bits: int) -> None:
    """A value comes back within 1/256 of itself, wherever in its power of two."""
    for ns in (1 << bits, (1 << bits) + (1 << bits) // 3, (2 << bits) - 1):
        histogram = Histogram()
        histogram.record(ns)
        histogram.record(LONGEST)

        assert abs(histogram.p50 - ns) <= ns / 256


def test_longest_value_has_the_last_bucket() -> None:
    """Nothing that a signed word holds falls out of the histogram."""
    histogram = Histogram()
    histogram.record(LONGEST)

    assert np.flatnonzero(histogram.counts).tolist() == [BUCKETS - 1]


def test_percentiles_are_those_of_the_sorted_values() -> None:
    """The named percentiles are the nearest-rank ones, within the promised error."""
    values = sorted(durations())
    histogram = Histogram()
    for value in values:
        histogram.record(value)

    for percent, found in [
        (50, histogram.p50),
        (90, histogram.p90),
        (99, histogram.p99),
        (99.9, histogram.p999),
    ]:
        exact = values[int(np.ceil(len(values) * percent / 100)) - 1]
        assert found == pytest.approx(exact, rel=1 / 256)


def test_percentile_is_never_above_the_maximum() -> None:
    """The middle of the last bucket may lie above what was seen; it is cut off."""
    histogram = Histogram()
    histogram.record(1 << 40)

    assert histogram.p999 == histogram.max == 1 << 40


def test_record_many_is_record_for_each() -> None:
    """An array and a loop give the same buckets, up to the largest values."""
    values = [*durations(), 0, 255, 256, (1 << 60) - 1, 1 << 60, LONGEST]
    one_by_one, at_once = Histogram(), Histogram()
    for value in values:
        one_by_one.record(value)
    at_once.record_many(np.array(values))

    assert at_once.to_sparse() == one_by_one.to_sparse()


def test_record_many_of_nothing_changes_nothing() -> None:
    """An empty array is recorded as nothing."""
    histogram = Histogram()
    histogram.record_many([])

    assert histogram.count == 0


def test_count_weighs_a_value() -> None:
    """One value for several pages counts as often as there were pages."""
    histogram = Histogram()
    histogram.record(10, count=3)
    histogram.record(50)

    assert (histogram.count, histogram.mean, histogram.p50) == (4, 20, 10)


def test_merge_is_recording_into_one() -> None:
    """Histograms of several CPUs add up to that of all."""
    first, second, both = Histogram(), Histogram(), Histogram()
    first.record_many(durations(1))
    second.record_many(durations(2))
    both.record_many(durations(1) + durations(2))
    first.merge(second)

    assert first.to_sparse() == both.to_sparse()


def test_sparse_form_survives_json() -> None:
    """A histogram written as JSON and read again is the same, and goes on counting."""
    histogram = Histogram()
    histogram.record_many(durations())
    text = msgspec.json.encode(histogram.to_sparse())
    again = Histogram.from_sparse(msgspec.json.decode(text, type=SparseHistogram))
    again.record(5)
    histogram.record(5)

    assert again.to_sparse() == histogram.to_sparse()
    assert again.p99 == histogram.p99


def test_sparse_form_of_other_buckets_is_refused() -> None:
    """Counts of buckets that are cut otherwise must not be taken for ours."""
    with pytest.raises(ValueError, match="sub_bucket_bits is 5, must be 7"):
        Histogram.from_sparse(SparseHistogram(5, 0, 0, []))


def test_negative_duration_is_refused() -> None:
    """A clock that went back is a bug, not a bucket at the other end."""
    histogram = Histogram()

    with pytest.raises(ValueError, match="-1 ns, must not be below 0"):
        histogram.record(-1)
    with pytest.raises(ValueError, match="-3 ns, must not be below 0"):
        histogram.record_many([5, -3])
