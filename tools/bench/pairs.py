"""
Pairs of runs, made in turn, and what their ratios say.

    round 1    before   after    before again
    round 2    before   after    before again
    ...                   |            |
               ratio: after over   noise: before again over
               the mean of both    before

Two numbers from two times are not compared: a machine that others use too is half as
fast a second later.  Those of a round stand side by side, and what a machine does to
all three goes out of the ratio.  Before over before is what a ratio of nothing at all
comes to there.
"""

import math
import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from mpzswap.topology import host
from mpzswap.version import __version__

T = TypeVar("T")

# Ours, as of pyperf: fewer samples, or a wider spread, are no ground for a claim.
MIN_ROUNDS = 10
MAX_SPREAD = 0.10
# Of a normal distribution: quartile to quartile, and the deviation of a median of n
# samples times the root of n, both in standard deviations.
QUARTILES_WIDTH, MEDIAN_DEVIATION = 1.349, 1.253


class Round(msgspec.Struct, frozen=True):
    """One measure in the three runs of a round."""

    before: float
    after: float
    again: float

    @property
    def ratio(self) -> float:
        """After over before."""
        return 2 * self.after / (self.before + self.again)

    @property
    def noise(self) -> float:
        """Before over before."""
        return self.again / self.before


class Spread(msgspec.Struct, frozen=True):
    """The middle of some ratios, and the quarters below and above it."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, ratios: Sequence[float]) -> "Spread":
        """Take the quartiles; of a single ratio they are all the same."""
        low, median, high = statistics.quantiles(
            [*ratios] * 2 if len(ratios) == 1 else ratios, n=4, method="inclusive"
        )
        return cls(low, median, high)

    @property
    def width(self) -> float:
        """From quartile to quartile."""
        return self.high - self.low

    def error(self, count: int) -> float:
        """Two standard deviations of the median of *count* ratios."""
        deviation = self.width / QUARTILES_WIDTH
        return 2 * MEDIAN_DEVIATION * deviation / math.sqrt(count)


class Measure(msgspec.Struct, frozen=True):
    """What came of one measure over all rounds."""

    name: str
    rounds: tuple[Round, ...]
    ratio: Spread
    noise: Spread
    # By so much the median may be off.
    error: float
    # Why not to believe it, a line each.
    doubts: tuple[str, ...]

    @classmethod
    def of(cls, name: str, rounds: Sequence[Round]) -> "Measure":
        """Judge rounds."""
        ratio = Spread.of([each.ratio for each in rounds])
        noise = Spread.of([each.noise for each in rounds])
        error = ratio.error(len(rounds))
        doubts = tuple(find_doubts(len(rounds), ratio, noise))
        return cls(name, tuple(rounds), ratio, noise, error, doubts)


def find_doubts(nr_rounds: int, ratio: Spread, noise: Spread) -> Iterator[str]:
    """Give what speaks against a ratio, and what to do about it."""
    if nr_rounds < MIN_ROUNDS:
        yield f"{nr_rounds} rounds, must be {MIN_ROUNDS}: --rounds"
    for what, spread in (("ratios", ratio), ("noise", noise)):
        if spread.width > MAX_SPREAD:
            yield (
                f"{what} spread over {spread.width:.1%}, must be within "
                f"{MAX_SPREAD:.0%}: let nothing else run, or take more --memory"
            )
    effect, error = abs(ratio.median - 1), ratio.error(nr_rounds)
    if effect <= error:
        yield f"no difference is seen: {effect:.1%}, which may be {error:.1%} off"


def measure(
    before: Callable[[], T],
    after: Callable[[], T],
    measures: Mapping[str, Callable[[T], float]],
    nr_rounds: int,
) -> list[Measure]:
    """Do the rounds, after one that warms up and is not counted."""
    before(), after()
    runs = [(before(), after(), before()) for _ in range(nr_rounds)]
    return [
        Measure.of(name, [Round(*map(take, three)) for three in runs])
        for name, take in measures.items()
    ]


def table(measures: Sequence[Measure]) -> Iterator[str]:
    """Give lines for people, doubts and all."""
    title = "after over before"
    width = max(len(title), *(len(each.name) for each in measures))
    yield f"{title:{width}}  ratio             quartiles       same run twice"
    for each in measures:
        ratio, noise = each.ratio, each.noise
        yield (
            f"{each.name:{width}}  {ratio.median:5.3f} +- {each.error:.3f}   "
            f"{ratio.low:.3f} to {ratio.high:.3f}  {noise.low:.3f} to {noise.high:.3f}"
        )
    for each in measures:
        if each.doubts:
            yield f"not to be believed: {each.name}"
        yield from (f"  {doubt}" for doubt in each.doubts)


def circumstances() -> dict[str, object]:
    """Give what a number must be read with."""
    return {
        "version": __version__,
        "commit": commit(),
        "cpu": cpu_model(),
        "usable_cores": host.usable_cores(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "kernel": platform.release(),
    }


def commit() -> str:
    """Give the commit of this checkout; empty where there is none."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - whichever they have
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def cpu_model() -> str:
    """Give the processor's name, as the kernel has it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, "unknown")
