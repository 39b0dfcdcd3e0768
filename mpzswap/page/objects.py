"""
Pages of an interpreter's heap: objects of one shape a page, field by field.

    rtnhss   rtnhss   rtnhss   ...      one letter a word of 8 bytes

An allocator keeps objects of one size together (CPython, Objects/obmalloc.c: a pool
holds one size class), so a page is a layout repeated.  The shapes follow CPython's
structs in Include/cpython; how often each comes is ours.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from mpzswap.page.chunk import Chunk, Dice, Words, as_bytes, blend
from mpzswap.page.frame import PAGE_SIZE, Pages

PAGE_WORDS = PAGE_SIZE // 8

# Pages in a hundred, fields of one object (see FIELDS), what it is.
LAYOUTS = (
    (16, "pprtnppp", "tuple: links of the collector, refcount, type, size, items"),
    (14, "pprtpn", "instance: links, refcount, type, values, weak references"),
    (20, "rtnhnsss", "str: refcount, type, length, hash, state, characters"),
    (8, "rtnd", "int: refcount, type, size, digits"),
    (8, "rtf", "float: refcount, type, value"),
    (14, "hpp", "dict entries: hash, key, value"),
    (10, "p", "list items: pointers"),
    (10, "rtnpnn", "list and cell heads: refcount, type, size, items, room"),
)

# Where Linux puts a program (PIE) and its mappings on x86-64; low bits from the seed.
PROGRAM_BASE = 0x55D0_0000_0000
HEAP_BASE = 0x7F10_0000_0000
TYPES = 24
TYPE_BYTES = 416
# Parts of names, four letters each; "" where a name has ended.
PARTS = (
    *("tion", "name", "self", "item", "time", "data", "file", "path"),
    *("type", "_str", "get_", "set_", "key_", "list", "", ""),
)


def objects(chunk: Chunk) -> Pages:
    """Make pages of a heap."""
    return blend(
        chunk,
        [(share, functools.partial(lay_out, fields)) for share, fields, _ in LAYOUTS],
    )


def lay_out(fields: str, chunk: Chunk) -> Pages:
    """Make pages that repeat *fields*; the last object is cut, as in a large one."""
    words = np.empty((chunk.count, PAGE_WORDS), np.uint64)
    bases = Dice(chunk.seed, 2).below(1 << 24, 2) << 12
    for place, letter in enumerate(fields):
        column = words[:, place :: len(fields)]
        column[:] = FIELDS[letter](chunk.dice, bases, column.shape)
    return as_bytes(words)


def refcounts(dice: Dice, _bases: NDArray[np.int64], shape: tuple[int, ...]) -> Words:
    """Reference counts: mostly 1."""
    return (1 + dice.pick((70, 16, 8, 4, 2), *shape)).astype(np.uint64)


def types(dice: Dice, bases: NDArray[np.int64], shape: tuple[int, ...]) -> Words:
    """Pointers to types: one main type a page, now and then another."""
    main = dice.below(TYPES, shape[0], 1)
    other = dice.below(TYPES * 8, *shape)
    kind = np.where(other < TYPES, other, main)
    addresses: Words = (kind * TYPE_BYTES + PROGRAM_BASE + bases[0]).astype(np.uint64)
    return addresses


def pointers(dice: Dice, bases: NDArray[np.int64], shape: tuple[int, ...]) -> Words:
    """Pointers to objects: half of them near, the others anywhere in 16 MiB."""
    places = dice.below(1 << 20, *shape)
    near = (dice.below(1 << 8, shape[0], 1) << 12) + (places & 0x3FF)
    places = np.where(places & 0x400, near, places)
    addresses: Words = (16 * places + HEAP_BASE + bases[1]).astype(np.uint64)
    return addresses


def sizes(dice: Dice, _bases: NDArray[np.int64], shape: tuple[int, ...]) -> Words:
    """Lengths and flags: none or small."""
    return (dice.pick((60, 4, 8, 8, 6, 5, 4, 3, 2), *shape)).astype(np.uint64)


def hashes(dice: Dice, _bases: NDArray[np.int64], shape: tuple[int, ...]) -> Words:
    """Hashes: 64 random bits."""
    return dice.words(*shape)


def digits(dice: Dice, _bases: NDArray[np.int64], shape: tuple[int, ...]) -> Words:
    """Values of integers: below 65536."""
    return dice.below(1 << 16, *shape).astype(np.uint64)


def floats(dice: Dice, _bases: NDArray[np.int64], shape: tuple[int, ...]) -> Words:
    """Values of floats: numbers with two decimals."""
    return (dice.below(1_000_000, *shape) / 100).view(np.uint64)


def characters(dice: Dice, _bases: NDArray[np.int64], shape: tuple[int, ...]) -> Words:
    """Eight characters: two parts of names, or nothing where a name has ended."""
    parts = np.array(PARTS, "S4")[dice.below(len(PARTS), *shape, 2)]
    names: Words = parts.view(np.uint64)[..., 0]
    return names


FIELDS = {
    "r": refcounts,
    "t": types,
    "p": pointers,
    "n": sizes,
    "h": hashes,
    "d": digits,
    "f": floats,
    "s": characters,
}
