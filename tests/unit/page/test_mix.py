"""Mixes: the same for a seed, different pages, and compressible as they say."""

import hashlib

import lz4.block
import numpy as np
import pytest
import zstandard
from numpy.typing import NDArray
from zlib_ng import zlib_ng

from mpzswap.errors import InputError
from mpzswap.page import text
from mpzswap.page.chunk import CHUNK_PAGES
from mpzswap.page.frame import PAGE_SIZE, Pages
from mpzswap.page.mix import MIXED_SHARES, MIXES, generate


def is_same_filled(pages: Pages) -> NDArray[np.bool_]:
    """Say of each page whether it is one word repeated."""
    words = pages.view(np.uint64)
    return np.asarray((words == words[:, :1]).all(axis=1))


def fixed_deflate(page: bytes) -> int:
    """Give the size by fixed Huffman Deflate, as IAA does it."""
    compressor = zlib_ng.compressobj(1, zlib_ng.DEFLATED, -12)
    return len(compressor.compress(page) + compressor.flush())


def zstd(page: bytes) -> int:
    """Give the size by zstd at the kernel's level."""
    return len(zstandard.ZstdCompressor(level=3).compress(page))


def lz4_block(page: bytes) -> int:
    """Give the size by lz4."""
    return len(lz4.block.compress(page, store_size=False))


CODECS = (fixed_deflate, zstd, lz4_block)

# What each mix comes to by each of CODECS, same-filled pages left out.
RATIOS = {
    "mixed": (2.1, 2.8, 1.9),
    "zero-rich": (17, 19, 14.6),
    "text": (1.65, 2.4, 1.5),
    "objects": (2.3, 3.1, 2.0),
    "numeric": (1.55, 2.15, 1.47),
    "random": (1.0, 1.0, 1.0),
    "usemem": (2.65, 4.95, 1.9),
    "usemem-exact": (2.97, 7.3, 2.0),
}

# Start of the SHA-256 of each mix's first 20 pages of seed 8.
DIGESTS = {
    "mixed": "5d38b73c682f6c0b",
    "zero-rich": "b8f1d6be9d362b51",
    "text": "d17fec8ecc88e174",
    "objects": "aa816a273ef168be",
    "numeric": "665f11a70d215596",
    "random": "65849bbf18b68835",
    "usemem": "a079df9cbc68cda6",
    "usemem-exact": "bde15dca8d07c674",
}


@pytest.mark.parametrize("name", MIXES)
def test_first_pages_do_not_depend_on_the_count(name: str) -> None:
    """A page follows from mix, seed and number: a longer run has the shorter in it."""
    pages = generate(name, CHUNK_PAGES + 5, seed=3)

    assert np.array_equal(generate(name, 7, seed=3), pages[:7])
    assert np.array_equal(generate(name, 9, 3, CHUNK_PAGES - 4), pages[-9:])


@pytest.mark.parametrize("name", MIXES)
def test_other_seed_gives_other_pages(name: str) -> None:
    """The seed matters, to every mix."""
    assert not np.array_equal(generate(name, 64, seed=1), generate(name, 64, seed=2))


@pytest.mark.parametrize("name", MIXES)
def test_no_two_pages_are_equal_unless_same_filled(name: str) -> None:
    """A store that looked at fewer pages than it was given would be seen."""
    pages = generate(name, 3 * CHUNK_PAGES, seed=4)
    others = pages[~is_same_filled(pages)]

    assert len({page.tobytes() for page in others}) == len(others)


@pytest.mark.parametrize("name", MIXES)
def test_mix_compresses_as_it_says(name: str) -> None:
    """Pool sizes follow from these; a tenth either way is chance."""
    pages = generate(name, 500, seed=5)
    others = [page.tobytes() for page in pages[~is_same_filled(pages)]]
    ratios = [
        len(others) * PAGE_SIZE / sum(min(codec(page), PAGE_SIZE) for page in others)
        for codec in CODECS
    ]

    assert ratios == pytest.approx(RATIOS[name], rel=0.1)


def test_zero_rich_is_half_zeros_and_a_tenth_same_filled() -> None:
    """Its shares are those of its summary."""
    pages = generate("zero-rich", 2000, seed=6)
    zeros = ~pages.any(axis=1)

    assert zeros.mean() == pytest.approx(0.5, abs=0.05)
    assert (is_same_filled(pages) & ~zeros).mean() == pytest.approx(0.1, abs=0.03)


def test_shares_of_mixed_are_a_hundred_pages_of_known_mixes() -> None:
    """The blend is documented in percent."""
    assert sum(share for _, share in MIXED_SHARES) == 100
    assert {name for name, _ in MIXED_SHARES} < set(MIXES)


def test_exact_usemem_counts_on_from_page_to_page() -> None:
    """usemem.c: each word is its own index."""
    words = generate("usemem-exact", 2 * CHUNK_PAGES, seed=7).view(np.uint64)

    assert (np.diff(words.reshape(-1)) == 1).all()


@pytest.mark.parametrize("seed", range(3))
def test_each_book_of_the_library_is_full(seed: int) -> None:
    """Pages are cut from all of a book's length."""
    sizes = [len(book) for book in text.write_library(seed)]

    assert sizes == [text.LIBRARY_BYTES] * len(text.SHARES)


def test_bytes_are_those_of_other_machines() -> None:
    """Results are compared between machines by seed: the bytes may never change."""
    found = {
        name: hashlib.sha256(generate(name, 20, seed=8).tobytes()).hexdigest()[:16]
        for name in MIXES
    }

    assert found == DIGESTS


@pytest.mark.parametrize(
    ("name", "count", "seed", "message"),
    [
        ("nope", 1, 1, "mix 'nope': no such mix; there are mixed, zero-rich, text"),
        ("text", -1, 1, "mix text: count: must not be negative, not -1"),
        ("text", 1, -2, "mix text: seed: must not be negative, not -2"),
    ],
)
def test_wrong_request_is_named(name: str, count: int, seed: int, message: str) -> None:
    """The message names the thing and the value."""
    with pytest.raises(InputError, match=message):
        generate(name, count, seed)


def test_no_pages_are_an_empty_array() -> None:
    """Nothing asked for is nothing given, in the same shape."""
    assert generate("text", 0, seed=1).shape == (0, PAGE_SIZE)
