"""
What samples say: their middle, how far they spread, and what speaks against them.

Two numbers from two times are not compared: a machine that others use too is half as
fast a second later.  Those of a round stand side by side, and what a machine does to
all of them goes out of the ratio.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from typing import Self

import msgspec

# Ours, as of pyperf: fewer samples, or a wider spread, are no ground for a claim.
MIN_ROUNDS = 7
MAX_SPREAD = 0.10
# Of a normal distribution: quartile to quartile, and the deviation of a median of n
# samples times the root of n, both in standard deviations.
QUARTILES_WIDTH, MEDIAN_DEVIATION = 1.349, 1.253


class Round(msgspec.Struct, frozen=True):
    """One measure of a contestant in a round, between two runs of the baseline."""

    before: float
    after: float
    again: float

    @property
    def ratio(self) -> float:
        """The contestant over the baseline; no number where that is 0."""
        return quotient(2 * self.after, self.before + self.again)

    @property
    def noise(self) -> float:
        """The baseline over the baseline."""
        return quotient(self.again, self.before)


def quotient(above: float, below: float) -> float:
    """Divide; what is divided by 0 is no number."""
    return above / below if below else math.nan


class Spread(msgspec.Struct, frozen=True):
    """The middle of some samples, and the quarters below and above it."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Self:
        """Take the quartiles; of a single sample they are all the same."""
        low, median, high = statistics.quantiles(
            [*samples] * 2 if len(samples) == 1 else samples, n=4, method="inclusive"
        )
        return cls(low, median, high)

    @property
    def width(self) -> float:
        """From quartile to quartile."""
        return self.high - self.low

    def error(self, count: int) -> float:
        """Two standard deviations of the median of *count* samples."""
        deviation = self.width / QUARTILES_WIDTH
        return 2 * MEDIAN_DEVIATION * deviation / math.sqrt(count)


class Ratio(msgspec.Struct, frozen=True):
    """Over the baseline, round by round."""

    samples: tuple[float, ...]
    spread: Spread
    # By so much the median may be off.
    error: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Self | None:
        """Take ratios; None: the baseline was 0 in one of the rounds."""
        if any(map(math.isnan, samples)):
            return None
        spread = Spread.of(samples)
        return cls(tuple(samples), spread, spread.error(len(samples)))


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one measure of a contestant over all rounds."""

    name: str
    samples: tuple[float, ...]
    spread: Spread
    # None: of the baseline itself, or there is none.
    ratio: Ratio | None = None
    # Why not to believe the ratio.
    doubts: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, rounds: Sequence[Round], *, same: bool = False) -> Self:
        """Judge rounds; *same*: the baseline again, which shall not differ."""
        samples = tuple(each.after for each in rounds)
        ratio = Ratio.of([each.ratio for each in rounds])
        noise = Ratio.of([each.noise for each in rounds])
        doubts: list[str] = []
        if ratio is not None and noise is not None:
            doubts += find_doubts(ratio, noise)
            doubts += () if same else find_no_difference(ratio)
        return cls(
            name=name,
            samples=samples,
            spread=Spread.of(samples),
            ratio=ratio,
            doubts=tuple(doubts),
        )

    @classmethod
    def of_baseline(cls, name: str, samples: Sequence[float]) -> Self:
        """Take samples that are compared with nothing."""
        return cls(name=name, samples=tuple(samples), spread=Spread.of(samples))


def find_doubts(ratio: Ratio, noise: Ratio) -> Iterator[str]:
    """Give what speaks against a ratio."""
    nr_rounds = len(ratio.samples)
    if nr_rounds < MIN_ROUNDS:
        yield f"{nr_rounds} rounds, must be {MIN_ROUNDS}"
    for what, spread in (("ratios", ratio.spread), ("noise", noise.spread)):
        # In parts of what it is: a ratio of 5 spreads wider than one of 1.
        width = quotient(spread.width, spread.median)
        if width > MAX_SPREAD:
            yield f"{what} spread over {width:.1%}, must be within {MAX_SPREAD:.0%}"


def find_no_difference(ratio: Ratio) -> Iterator[str]:
    """Say if a ratio may as well be 1; figures that are the same are no accident."""
    effect = abs(ratio.spread.median - 1)
    if 0 < effect <= ratio.error:
        yield f"no difference is seen: {effect:.1%}, which may be {ratio.error:.1%} off"
