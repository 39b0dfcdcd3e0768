"""Each page that was handed to zswap is in one column of the ledger."""

from mpzswap.machine.board import Board, BoardLayout
from mpzswap.report.records import LedgerReport
from mpzswap.topology.model import Topology
from mpzswap.workload.ledger import LedgerWords, ledger_of
from mpzswap.zswap.stats import ZswapStats

STATS = ZswapStats(
    pages_out=100,
    rejected_limit_pages=20,
    pswpout=25,
    written_back_pages=10,
    zswpin=30,
    pswpin=5,
    invalidated_pages=7,
    stored_pages=33,
    swap_pages=20,
)


def test_every_page_is_in_one_column() -> None:
    """Of the 20 that were rejected 15 went to swap, so their owner kept 5."""
    ledger = ledger_of(STATS)

    assert ledger == LedgerReport(
        out=100, stored=33, written_back=20, loaded=35, rejected=5, invalidated=7
    )
    assert ledger.missing == 0


def test_page_in_no_column_is_missing() -> None:
    """And one that is in two is there once too often."""
    assert LedgerReport(out=3, stored=1).missing == 2
    assert LedgerReport(out=1, stored=1, loaded=1).missing == -1


def test_ledgers_add_up() -> None:
    """Column by column."""
    assert LedgerReport(3, 1, 0, 2) + LedgerReport(1, 0, 1) == LedgerReport(4, 1, 1, 2)


def test_ledger_of_the_dead_has_what_they_told_last() -> None:
    """What they had stored then is gone with them."""
    board = Board.create(BoardLayout.plan(Topology.named("laptop-2iaa"), 2))
    words = LedgerWords(board, 1)
    words.publish(STATS)
    ledger = LedgerWords(board, 1).of_the_dead()

    assert ledger == LedgerReport(out=100, loaded=35, rejected=5, invalidated=60)
    assert LedgerWords(board, 0).of_the_dead() == LedgerReport()
    board.close()
