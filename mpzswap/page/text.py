"""
Pages of text: prose, log lines and JSON, of words with a Zipf-like law.

A library of each kind is written once a seed; a page is four pieces of it.  Pieces
come from different quarters, so no page holds a piece twice: it would compress
better than text does.  That pages share pieces is unseen, since each is compressed
alone.
"""

import functools
from typing import TypeAlias

import numpy as np

from mpzswap.page.chunk import Chunk, Dice, blend
from mpzswap.page.frame import PAGE_SIZE, Pages

# Ours: enough places to cut that no two pages are equal (32 Ki to the power of 4).
LIBRARY_BYTES = 128 * 1024
PIECES = 4
PIECE_BYTES = PAGE_SIZE // PIECES

# The kinds of the library, and how many pages in a hundred are of each.
PROSE, LOG, JSON = range(3)
SHARES = {PROSE: 50, LOG: 25, JSON: 25}

VOCABULARY = 4096
# Syllables are one of each: onset, vowel, coda.
ONSETS = (*"bcdfghlmnprstw", "th", "st", "br")
VOWELS = (*"aeioue", "ea", "ou")
CODAS = (*"nrstl", "nd", "ng", "ck", "", "", "", "")
# Words up to these ranks have one and two syllables, the others three.
SHORT_RANK = 60
MIDDLE_RANK = 1500

LOG_LINES = 1800
JSON_LINES = 1500
LEVELS = ("INFO", "INFO", "INFO", "DEBUG", "WARNING", "ERROR")

Library: TypeAlias = tuple[bytes, ...]


def text(chunk: Chunk) -> Pages:
    """Make pages of prose, log lines or JSON."""
    library = write_library(chunk.seed)
    makers = {kind: functools.partial(cut, library[kind]) for kind in SHARES}
    return blend(chunk, [(share, makers[kind]) for kind, share in SHARES.items()])


def cut(book: bytes, chunk: Chunk) -> Pages:
    """Make pages of pieces of *book*, one from each quarter of it."""
    quarter = LIBRARY_BYTES // PIECES
    places = chunk.dice.below(quarter - PIECE_BYTES, chunk.count, PIECES)
    places += np.arange(PIECES) * quarter
    windows = np.lib.stride_tricks.sliding_window_view(
        np.frombuffer(book, np.uint8), PIECE_BYTES
    )
    return windows[places].reshape(chunk.count, PAGE_SIZE)


# Each chunk of pages needs it, and it takes as long as hundreds of pages.
@functools.lru_cache(maxsize=2)
def write_library(seed: int) -> Library:
    """Write one book of each kind."""
    dice = Dice(seed, 1)
    words = make_words(dice)
    books = (write_prose(dice, words), write_log(dice, words), write_json(dice, words))
    return tuple(book.encode("ascii")[:LIBRARY_BYTES] for book in books)


def make_words(dice: Dice) -> list[str]:
    """Make a vocabulary of syllables, the frequent words being the short ones."""
    syllables = [a + b + c for a in ONSETS for b in VOWELS for c in CODAS]
    picks = dice.below(len(syllables), VOCABULARY, 3).tolist()
    words = []
    for rank, pick in enumerate(picks):
        length = 1 + (rank > SHORT_RANK) + (rank > MIDDLE_RANK)
        words.append("".join(syllables[number] for number in pick[:length]))
    return words


def draw_words(dice: Dice, words: list[str], count: int) -> list[str]:
    """Draw words: the one of rank r comes about 1/r as often (Zipf's law)."""
    weights = [1_000_000 // (rank + 2) for rank in range(len(words))]
    return [words[rank] for rank in dice.pick(weights, count).tolist()]


def write_prose(dice: Dice, words: list[str]) -> str:
    """Write sentences, in paragraphs."""
    drawn = draw_words(dice, words, LIBRARY_BYTES // 4)
    ends = dice.pick((86, 7, 6, 1), len(drawn)).tolist()
    marks = (" ", ", ", ". ", ".\n\n")
    return "".join(word + marks[end] for word, end in zip(drawn, ends, strict=True))


def write_log(dice: Dice, words: list[str]) -> str:
    """Write lines of a log: a clock that goes on, few sources, some numbers."""
    drawn = iter(draw_words(dice, words, 4 * LOG_LINES))
    millis = np.cumsum(dice.below(900, LOG_LINES)).tolist()
    numbers = dice.below(65536, LOG_LINES, 2).tolist()
    return "".join(
        f"2024-10-18T{m // 3_600_000 % 24:02}:{m // 60_000 % 60:02}:"
        f"{m // 1000 % 60:02}.{m % 1000:03}Z host-{a % 8} {words[100 + a % 13]}"
        f"[{1000 + b % 64}]: {LEVELS[a % 6]} {next(drawn)} {next(drawn)} "
        f"{next(drawn)} {next(drawn)} id={a:04x} took={b}us\n"
        for m, (a, b) in zip(millis, numbers, strict=True)
    )


def write_json(dice: Dice, words: list[str]) -> str:
    """Write records of one shape: the same keys, other values."""
    drawn = iter(draw_words(dice, words, 4 * JSON_LINES))
    numbers = dice.below(1_000_000, JSON_LINES, 3).tolist()
    return "".join(
        f'{{"id": {a}, "name": "{next(drawn)} {next(drawn)}", "tags": '
        f'["{next(drawn)}", "{next(drawn)}"], "price": {b / 100}, '
        f'"active": {"true" if c % 2 else "false"}}},\n'
        for a, b, c in numbers
    )
