"""The counters."""

import pytest

from mpzswap.zswap.stats import ZswapStats


def test_stats_of_cpus_add_up() -> None:
    """A report's numbers are the sums over CPUs, of events and of pages alike."""
    total = ZswapStats(zswpout=2, stored_pages=1) + ZswapStats(zswpout=3, zswpin=4)

    assert total == ZswapStats(zswpout=5, zswpin=4, stored_pages=1)


def test_stats_do_not_change() -> None:
    """What was read at one moment stays as it was."""
    with pytest.raises(AttributeError):
        ZswapStats().zswpout = 1  # type: ignore[misc]  # that is what is tested


def test_ratio_counts_pages_that_took_memory() -> None:
    """Same-filled pages took none and would make any compressor look good."""
    stats = ZswapStats(
        compressed_out=3,
        incompressible_out=1,
        same_filled_out=50,
        compressed_bytes=8192,
    )

    assert stats.compression_ratio == 2
    assert ZswapStats().compression_ratio == 0


def test_rejected_pages_are_the_sum_of_the_reasons() -> None:
    """Each rejected page has one reason."""
    stats = ZswapStats(
        rejected_limit_pages=1,
        rejected_poor_pages=2,
        rejected_fail_pages=4,
        rejected_alloc_pages=8,
    )

    assert stats.rejected_pages == 15
