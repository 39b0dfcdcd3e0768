"""
How evenly workers write, seen while all of them do.

    look          look          look
     |--- counted --|--- counted --|--- not: one is at the bar, the rest is faster ---

Workers have as much to write, so in the end all have written the same: who was held
up shows only as long as nobody is done.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from mpzswap.workload.worker import ALL_STRETCHES


@dataclass(eq=False)
class Window:
    """What each worker wrote while all of them were writing, in all stretches."""

    pages: list[int] = field(default_factory=list)
    elapsed_s: float = 0.0
    # Whether each stretch of writing is followed by one of checking.
    verifies: bool = True
    # Of the last look: when, in which stretch all were, what each had written.
    _looked_s: float = -inf
    _stretch: int = -1
    _written: list[int] = field(default_factory=list)

    def look(
        self, now_s: float, stretches: Sequence[int], written: Sequence[int]
    ) -> None:
        """Take a look at the words of all workers, column by column."""
        now = [*written]
        if not self.pages:
            self.pages = [0] * len(now)
        stretch = common_stretch(stretches, verifies=self.verifies)
        # Before the first page of one who has not begun, not all of them write.
        if stretch >= 0 and stretch == self._stretch and min(self._written):
            self.elapsed_s += now_s - self._looked_s
            columns = zip(self.pages, now, self._written, strict=True)
            self.pages = [pages + new - old for pages, new, old in columns]
        self._looked_s, self._stretch, self._written = now_s, stretch, now


def common_stretch(stretches: Sequence[int], *, verifies: bool = True) -> int:
    """Give the stretch of writing that every worker is in; -1 where there is none."""
    first = stretches[0]
    # They write and check in turn; who is done with everything does neither.
    is_checking = verifies and first % 2
    if is_checking or first == ALL_STRETCHES:
        return -1
    return first if all(each == first for each in stretches) else -1


def jain_index(rates: Sequence[float]) -> float:
    """
    Give 1 where all *rates* are alike, 1/n where one of n has all; 0 for none.

    Source: Jain, Chiu and Hawe, "A Quantitative Measure of Fairness and
    Discrimination", DEC-TR-301, 1984: (sum x)^2 / (n sum x^2).
    """
    squares = sum(rate * rate for rate in rates)
    return sum(rates) ** 2 / (len(rates) * squares) if squares else 0.0
