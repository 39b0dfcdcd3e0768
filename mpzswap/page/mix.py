"""
Mixes: seeded generators of pages, named after what they imitate.

``generate("text", 1000, seed=7)`` gives the same pages on every machine, and the
first of them are ``generate("text", 10, seed=7)``.  No two pages of a mix are
equal, save same-filled ones: the drawn parts of a page have over 60 random bits.

What a mix compresses to is held by tests/unit/page/test_mix.py.
"""

import zlib
from dataclasses import dataclass

import numpy as np

from mpzswap.errors import InputError
from mpzswap.page.chunk import CHUNK_PAGES, Chunk, Dice, Maker, as_bytes, blend
from mpzswap.page.frame import PAGE_SIZE, Pages
from mpzswap.page.numeric import numeric
from mpzswap.page.objects import objects
from mpzswap.page.text import text

PAGE_WORDS = PAGE_SIZE // 8

# usemem writes 10 GiB a process in the runs of the series (`usemem -n 30 10g`).
USEMEM_PAGES = (10 << 30) // PAGE_SIZE
# Random words in a page of `usemem`; see there.
USEMEM_STRAY_WORDS = 28


def generate(name: str, count: int, seed: int, first: int = 0) -> Pages:
    """
    Give *count* pages of the mix *name*, from page number *first* on.

    Raises:
        InputError: there is no such mix, or a number is negative.
    """
    mix = find(name)
    for what, value in (("count", count), ("seed", seed), ("first", first)):
        if value < 0:
            raise InputError(f"mix {name}: {what}: must not be negative, not {value}")
    pages = np.empty((count, PAGE_SIZE), np.uint8)
    skip = first % CHUNK_PAGES
    # A chunk is always made whole: its pages must not depend on first and count.
    for start in range(-skip, count, CHUNK_PAGES):
        made = make_chunk(name, mix, seed, first + start)
        low, high = max(start, 0), min(start + CHUNK_PAGES, count)
        pages[low:high] = made[low - start : high - start]
    return pages


def find(name: str) -> "Mix":
    """
    Give the mix of that name.

    Raises:
        InputError: there is none; the message lists those there are.
    """
    if name not in MIXES:
        raise InputError(f"mix {name!r}: no such mix; there are {', '.join(MIXES)}")
    return MIXES[name]


def make_chunk(name: str, mix: "Mix", seed: int, first: int) -> Pages:
    """Make the whole chunk that begins at page *first*."""
    dice = Dice(seed, zlib.crc32(name.encode()), first // CHUNK_PAGES)
    return mix.make(Chunk(seed, first, CHUNK_PAGES, dice))


def zeros(chunk: Chunk) -> Pages:
    """Zero pages."""
    return np.zeros((chunk.count, PAGE_SIZE), np.uint8)


def same_filled(chunk: Chunk) -> Pages:
    """Pages that repeat one word, which is what zswap calls same-filled."""
    return as_bytes(np.repeat(chunk.dice.words(chunk.count, 1), PAGE_WORDS, axis=1))


def sparse(chunk: Chunk) -> Pages:
    """Pages of up to 48 words, small or large, amid zeros."""
    words = np.zeros((chunk.count, PAGE_WORDS), np.uint64)
    rows = np.arange(chunk.count)[:, None]
    values = chunk.dice.words(chunk.count, 48)
    values >>= chunk.dice.below(4, chunk.count, 48).astype(np.uint64) * np.uint64(16)
    values[np.arange(48) > chunk.dice.below(48, chunk.count, 1)] = 0
    words[rows, chunk.dice.below(PAGE_WORDS, chunk.count, 48)] = values
    # One word with all its bits, so that no two pages are equal.
    words[rows, chunk.dice.below(PAGE_WORDS, chunk.count, 1)] = chunk.dice.words(
        chunk.count, 1
    )
    return as_bytes(words)


def zero_rich(chunk: Chunk) -> Pages:
    """Half zero pages, a tenth same-filled ones, the others sparse."""
    return blend(chunk, ((50, zeros), (10, same_filled), (40, sparse)))


def noise(chunk: Chunk) -> Pages:
    """Pages that no codec makes smaller."""
    return as_bytes(chunk.dice.words(chunk.count, PAGE_WORDS))


def usemem_exact(chunk: Chunk) -> Pages:
    """
    Write each word's own index into it, from a page that the seed chooses.

    Source: vm-scalability, usemem.c, do_access: ``vp[idx] = idx``.
    """
    start = int(Dice(chunk.seed, 3).below(USEMEM_PAGES, 1)[0]) + chunk.first
    index = np.arange(start * PAGE_WORDS, (start + chunk.count) * PAGE_WORDS)
    return as_bytes(index.reshape(chunk.count, PAGE_WORDS))


def usemem(chunk: Chunk) -> Pages:
    """
    Write indices as usemem does, with a stretch of random words in each page.

    Exact pages come to 2.97 (fixed Deflate) and 7.3 (zstd), but the published runs
    (reference/kernel.md, "Capacity identity") imply 2.56 and 5.09: some 230 bytes
    more a page in both, which are not the pages' content.  The stretch stands for
    them (2.65 and 4.95), so that a pool fills as fast as it did there.  Its length
    is ours.
    """
    words = usemem_exact(chunk).view(np.uint64)
    room = PAGE_WORDS - USEMEM_STRAY_WORDS
    place = chunk.dice.below(room, chunk.count, 1) + np.arange(USEMEM_STRAY_WORDS)
    words[np.arange(chunk.count)[:, None], place] = chunk.dice.words(*place.shape)
    return as_bytes(words)


def mixed(chunk: Chunk) -> Pages:
    """Blend the others as MIXED_SHARES says."""
    return blend(chunk, [(share, MIXES[name].make) for name, share in MIXED_SHARES])


@dataclass(frozen=True)
class Mix:
    """A generator and what it imitates, in a line."""

    make: Maker
    summary: str


MIXES = {
    "mixed": Mix(mixed, "a blend of the others, as a machine with several programs"),
    "zero-rich": Mix(zero_rich, "half zero, a tenth same-filled, the rest sparse"),
    "text": Mix(text, "prose, log lines and JSON, words by Zipf's law"),
    "objects": Mix(
        objects, "an interpreter's heap: pointers, refcounts, short strings"
    ),
    "numeric": Mix(numeric, "arrays: smooth series, counters, times, samples"),
    "random": Mix(noise, "incompressible, as encrypted or compressed data"),
    "usemem": Mix(usemem, "usemem's words, sized as the published runs imply"),
    "usemem-exact": Mix(usemem_exact, "each word is its index, as usemem writes it"),
}

# Of a hundred pages of `mixed`.  Ours, for want of a published census: without the
# same-filled ones it comes to 2.1 (fixed Deflate), 2.8 (zstd) and 1.9 (lz4), where a
# live Python process gave 2.2, 3.3 and 1.8 (reference/performance.md).
MIXED_SHARES = (
    ("zero-rich", 20),
    ("text", 20),
    ("objects", 45),
    ("numeric", 12),
    ("random", 3),
)
