"""
The ledger of a worker: what became of each page that it handed to zswap.

    out  =  stored  +  written back  +  loaded  +  rejected  +  invalidated

A worker that dies takes its counters with it, so the four numbers from which the
ledger follows are in the board, as of its last folio: whatever it had stored then is
gone with it.
"""

from collections.abc import Sequence

from mpzswap.machine.board import Board, CpuWord
from mpzswap.report.records import LedgerReport
from mpzswap.zswap.stats import ZswapStats

WORDS = (
    CpuWord.LEDGER_OUT,
    CpuWord.LEDGER_LOADED,
    CpuWord.LEDGER_REJECTED,
    CpuWord.LEDGER_INVALIDATED,
)


def ledger_of(stats: ZswapStats) -> LedgerReport:
    """Give the ledger of workers that are alive."""
    return LedgerReport(
        out=stats.pages_out,
        stored=stats.stored_pages,
        written_back=stats.swap_pages,
        loaded=stats.zswpin + stats.pswpin,
        rejected=stats.kept_pages,
        invalidated=stats.invalidated_pages,
    )


class LedgerWords:
    """A worker's words in the board."""

    def __init__(self, board: Board, column: int) -> None:
        self._words = [board.cpu_row(word)[column : column + 1] for word in WORDS]

    def publish(self, stats: ZswapStats) -> None:
        """Write what there is to tell should we die."""
        ledger = ledger_of(stats)
        told = ledger.out, ledger.loaded, ledger.rejected, ledger.invalidated
        for word, value in zip(self._words, told, strict=True):
            word[0] = value

    def of_the_dead(self) -> LedgerReport:
        """Give the ledger of a worker that has died."""
        out, loaded, rejected, invalidated = self._read()
        gone = out - loaded - rejected - invalidated
        return LedgerReport(
            out=out, loaded=loaded, rejected=rejected, invalidated=invalidated + gone
        )

    def _read(self) -> Sequence[int]:
        return [word[0] for word in self._words]
