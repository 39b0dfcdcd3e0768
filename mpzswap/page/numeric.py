"""Pages of arrays of numbers: series, counters, times; kinds and shares are ours."""

import numpy as np

from mpzswap.page.chunk import Chunk, as_bytes, blend
from mpzswap.page.frame import PAGE_SIZE, Pages

DOUBLES = PAGE_SIZE // 8
INTS = PAGE_SIZE // 4

# Samples are from 0 to 255.
SAMPLES = 256


def numeric(chunk: Chunk) -> Pages:
    """Make pages of numbers, one kind of array a page."""
    return blend(chunk, PARTS)


def series(chunk: Chunk) -> Pages:
    """Float64: a smooth series with two decimals, as of a sensor."""
    steps = chunk.dice.below(101, chunk.count, DOUBLES) - 50
    steps[:, 0] = chunk.dice.below(1 << 24, chunk.count)
    return as_bytes(np.cumsum(steps, axis=1) / 100)


def counters(chunk: Chunk) -> Pages:
    """Int32: numbers that grow by small steps, as offsets or identifiers."""
    steps = chunk.dice.below(16, chunk.count, INTS)
    steps[:, 0] = chunk.dice.below(1 << 30, chunk.count)
    return as_bytes(np.cumsum(steps, axis=1).astype(np.int32))


def times(chunk: Chunk) -> Pages:
    """Int64: nanoseconds, about a millisecond apart."""
    steps = 1_000_000 + chunk.dice.below(4096, chunk.count, DOUBLES)
    steps[:, 0] = 1_700_000_000_000_000_000
    steps[:, 0] += chunk.dice.below(1 << 32, chunk.count) * 1_000_000
    return as_bytes(np.cumsum(steps, axis=1))


def samples(chunk: Chunk) -> Pages:
    """Int32: small numbers, two thirds of them zero, as of a sparse matrix."""
    drawn = chunk.dice.below(3 * SAMPLES, chunk.count, INTS)
    return as_bytes(np.where(drawn < SAMPLES, drawn, 0).astype(np.int32))


def measurements(chunk: Chunk) -> Pages:
    """Float64 from 1 to 2 with all their digits: only exponent and sign repeat."""
    mantissa = chunk.dice.words(chunk.count, DOUBLES) >> np.uint64(12)
    return as_bytes(mantissa | np.uint64(0x3FF0_0000_0000_0000))


# Pages in a hundred of each kind.
PARTS = ((30, series), (25, counters), (15, times), (20, samples), (10, measurements))
