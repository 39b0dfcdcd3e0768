"""
Chance for the generators of pages: the same bytes for the same seed, anywhere.

Pages are made a chunk at a time, and each chunk has its own stream, so a page
depends on the mix, the seed and its number, never on how many pages are asked for.

Only whole 64-bit words of the bit generator are used.  numpy promises that those
never change (NEP 19); its distributions may change with a release, and floating
functions such as sine differ between machines, so all arithmetic here is of integers.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpzswap.page.frame import PAGE_SIZE, Pages

# One numpy call for this many pages: its overhead is small, its arrays fit a cache.
CHUNK_PAGES = 512

Words: TypeAlias = NDArray[np.uint64]
Numbers: TypeAlias = NDArray[np.int64]


class Dice:
    """A stream of random words that *seed* and *key* fix."""

    def __init__(self, seed: int, *key: int) -> None:
        # SFC64: of numpy's generators the one that gives raw words fastest.
        self._bits = np.random.SFC64(np.random.SeedSequence(seed, spawn_key=key))

    def words(self, *shape: int) -> Words:
        """Give random 64-bit words."""
        words: Words = self._bits.random_raw(int(np.prod(shape))).reshape(shape)
        return words

    def below(self, limit: int, *shape: int) -> Numbers:
        """Give numbers from 0 to *limit* - 1; *limit* is at most 2**32."""
        size = int(np.prod(shape))
        halves = self.words((size + 1) // 2).view(np.uint32)[:size]
        scaled = (halves.astype(np.uint64) * np.uint64(limit)) >> np.uint64(32)
        return scaled.astype(np.int64).reshape(shape)

    def pick(self, weights: Sequence[int], *shape: int) -> Numbers:
        """Give indices into *weights*, each as often as its weight says."""
        steps = np.cumsum(weights)
        chosen: Numbers = np.searchsorted(
            steps, self.below(int(steps[-1]), *shape), side="right"
        )
        return chosen


@dataclasses.dataclass(frozen=True)
class Chunk:
    """What a generator is asked for: *count* pages, and the chance to make them of."""

    seed: int
    # Number of the first page.
    first: int
    count: int
    dice: Dice


Maker: TypeAlias = Callable[[Chunk], Pages]


def blend(chunk: Chunk, parts: Sequence[tuple[int, Maker]]) -> Pages:
    """Make each page by one of *parts*, as often as its weight says."""
    kinds = chunk.dice.pick([weight for weight, _ in parts], chunk.count)
    pages = np.empty((chunk.count, PAGE_SIZE), np.uint8)
    for kind, (_, make) in enumerate(parts):
        rows = np.flatnonzero(kinds == kind)
        pages[rows] = make(dataclasses.replace(chunk, count=len(rows)))
    return pages


def as_bytes(words: NDArray[np.generic]) -> Pages:
    """See rows of 4096 bytes of numbers as pages."""
    return np.ascontiguousarray(words).view(np.uint8)
