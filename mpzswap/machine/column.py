"""
A submitter's places in the work queues, when its process has died.

A submitter publishes the wish for places before it has them, and may die between the
two (``ring.occupancy``): its word then stands for descriptors that never come, and
for as long the queue would seem fuller than it is.  Its lane tells what it published.
"""

from dataclasses import dataclass

from mpzswap.driver.portal import Portal
from mpzswap.machine.board import Board, CpuWord
from mpzswap.topology.wq_table import WqId


@dataclass(frozen=True)
class Column:
    """
    The words of one column, and what was in them before its submitter began.

    Attributes:
        before: of each incarnation's row of each work queue.
    """

    board: Board
    column: int
    before: dict[tuple[int, WqId], int]

    @classmethod
    def of(cls, board: Board, column: int) -> "Column":
        """Note what is in *column*, whose submitter has not begun."""
        layout = board.layout
        return cls(
            board,
            column,
            {
                (incarnation, wq): board.queue_row(wq, incarnation)[column]
                for incarnation in range(layout.max_incarnations)
                for wq in layout.every_wq
            },
        )

    def settle(self, portal: Portal) -> None:
        """
        Take back what the dead submitter of *portal* did not publish, and its pool.

        We write its words now, since it never will.
        """
        for (incarnation, wq), before in self.before.items():
            published = portal.lane(wq.device, wq.wq, incarnation).published
            self.board.queue_row(wq, incarnation)[self.column] = before + published
        self.board.cpu_row(CpuWord.POOL_PAGES)[self.column] = 0
