"""
How long things took: a histogram of ns that can be merged.

    value      0 .. 127 | 128 .. 255 | 256 .. 511 | 512 .. 1023 | ...
    bucket of       1   |     1      |     2      |      4      | ns

Below 256 ns each value has its bucket; above, each power of two is cut into 128
equal buckets (as HdrHistogram does).  A percentile is the middle of its bucket, so
it is wrong by 1/256 of its value at most, 0.4 %.  Count, mean and max are exact.
"""

from typing import Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike

# Ours: 128 buckets for each power of two.  One bit more would halve the error and
# double the 57 KiB that a histogram takes.
SUB_BUCKET_BITS = 7
# Values fit a signed word: 63 bits, 292 years.
VALUE_BITS = 63
BUCKETS = (VALUE_BITS - SUB_BUCKET_BITS + 1) << SUB_BUCKET_BITS


class SparseHistogram(msgspec.Struct, frozen=True):
    """A histogram as JSON can hold it: the buckets that are not empty."""

    sub_bucket_bits: int
    total_ns: int
    max_ns: int
    # Pairs of bucket and count, ascending.
    buckets: list[tuple[int, int]]


class Histogram:
    """
    Counts of durations in ns; one writer, merged by whoever reports.

    Attributes:
        counts: how many were in each bucket.
        total_ns: the sum of all.
        max: the longest in ns; 0 where there are none.
    """

    def __init__(self) -> None:
        self.counts = np.zeros(BUCKETS, np.int64)
        # Items of a memoryview cost half of what those of an array cost.
        self._words = self.counts.data
        self.total_ns = 0
        self.max = 0

    def record(self, ns: int, count: int = 1) -> None:
        """
        Count *ns*, *count* times.

        Raises:
            ValueError: a duration below zero.
        """
        if ns < 0:
            raise ValueError(f"histogram: {ns} ns, must not be below 0")
        shift = max(0, ns.bit_length() - SUB_BUCKET_BITS - 1)
        self._words[(shift << SUB_BUCKET_BITS) + (ns >> shift)] += count
        self.total_ns += ns * count
        self.max = max(self.max, ns)

    def record_many(self, durations_ns: ArrayLike) -> None:
        """
        Count each of *durations_ns* once.

        Raises:
            ValueError: a duration below zero.
        """
        values = np.asarray(durations_ns, np.int64).reshape(-1)
        if not values.size:
            return
        if values.min() < 0:
            raise ValueError(f"histogram: {values.min()} ns, must not be below 0")
        # A value that the conversion to float rounds up to the next power of two
        # was in the last bucket below it, and that is what it gets.
        bits = np.frexp(values.astype(np.float64))[1].astype(np.int64)
        shifts = np.maximum(0, bits - SUB_BUCKET_BITS - 1)
        buckets = (shifts << SUB_BUCKET_BITS) + (values >> shifts)
        self.counts += np.bincount(buckets, minlength=BUCKETS)
        # Python's integers: a sum of int64 may overflow.
        self.total_ns += sum(values.tolist())
        self.max = max(self.max, int(values.max()))

    def merge(self, other: "Histogram") -> None:
        """Add what *other* counted."""
        self.counts += other.counts
        self.total_ns += other.total_ns
        self.max = max(self.max, other.max)

    @property
    def count(self) -> int:
        """How many durations were recorded."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        """Their mean in ns; 0 where there are none."""
        return self.total_ns / max(1, self.count)

    @property
    def p50(self) -> int:
        """The median in ns."""
        return self.percentile(50)

    @property
    def p90(self) -> int:
        """The ns within which 90 % of them stayed."""
        return self.percentile(90)

    @property
    def p99(self) -> int:
        """The ns within which 99 % of them stayed."""
        return self.percentile(99)

    @property
    def p999(self) -> int:
        """The ns within which 99.9 % of them stayed."""
        return self.percentile(99.9)

    def percentile(self, percent: float) -> int:
        """Give the ns within which *percent* of them stayed; 0 if there are none."""
        running = np.cumsum(self.counts)
        rank = max(1, int(np.ceil(running[-1] * percent / 100)))
        if rank > running[-1]:
            return 0
        return min(_middle(int(np.searchsorted(running, rank))), self.max)

    def to_sparse(self) -> SparseHistogram:
        """Give it as JSON can hold it; ``from_sparse`` undoes it."""
        used = np.flatnonzero(self.counts)
        buckets = list(zip(used.tolist(), self.counts[used].tolist(), strict=True))
        return SparseHistogram(SUB_BUCKET_BITS, self.total_ns, self.max, buckets)

    @classmethod
    def from_sparse(cls, sparse: SparseHistogram) -> Self:
        """
        Make the histogram that *sparse* describes.

        Raises:
            ValueError: its buckets are cut in another way than ours.
        """
        if sparse.sub_bucket_bits != SUB_BUCKET_BITS:
            raise ValueError(
                f"histogram: sub_bucket_bits is {sparse.sub_bucket_bits}, "
                f"must be {SUB_BUCKET_BITS}"
            )
        histogram = cls()
        for bucket, count in sparse.buckets:
            histogram.counts[bucket] = count
        histogram.total_ns = sparse.total_ns
        histogram.max = sparse.max_ns
        return histogram


def _middle(bucket: int) -> int:
    """Give the value in the middle of *bucket*."""
    shift = max(0, (bucket >> SUB_BUCKET_BITS) - 1)
    lowest = (bucket - (shift << SUB_BUCKET_BITS)) << shift
    return lowest + ((1 << shift) - 1) // 2
