"""A timing profile as text."""

import msgspec

from mpzswap.report.timing import figures
from mpzswap.topology.timing import Timing
from tests.tools.timings import document


def test_figures_are_shown_by_compressor_and_by_folio() -> None:
    """What devices do not run, or no CPU, is a dash."""
    timing = msgspec.convert(document(name="mine"), Timing)

    assert [*figures(timing)] == [
        "timing mine   figures for 2 compress, 8 decompress engines a device",
        "    ns, a 4K page          compress                  decompress",
        "                   call desc engine software  call desc engine software",
        "    lz4             100   10  1,000        -   100   10    500        -",
        "    zstd              -    -      -    7,000     -    -      -    3,000",
        "    zswap      store 20   load 20   interrupt 20",
        "    swap-out   4K 9,000   64K 8,000",
    ]


def test_machine_without_timing_says_so() -> None:
    """Nobody has to look for what is not there."""
    assert [*figures(None)] == ["timing none"]
