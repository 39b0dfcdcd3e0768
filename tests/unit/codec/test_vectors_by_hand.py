"""The Deflate vectors that were worked out on paper: here is the paper."""

import pytest

from mpzswap.codec.vectors import SUITES
from tests.tools.bits import Bits

# RFC 1951, 3.2.3: BFINAL, then BTYPE.
STORED, FIXED, DYNAMIC, RESERVED = range(4)
# 3.2.6: the fixed code of the end of a block, and of a match of 258 at distance 1.
END = "0000000"
MATCH_258 = "11000101"
# 3.2.7: the lengths of the code of lengths come in this order.
ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)


def block(kind: int, *, last: bool = True) -> Bits:
    """Begin a block."""
    return Bits().number(last, 1).number(kind, 2)


def literals(text: str) -> str:
    """Give the fixed codes of letters: 8 bits, 0x30 and the letter (3.2.6)."""
    return "".join(f"{0x30 + ord(letter):08b}" for letter in text)


def stored(data: bytes, *, last: bool = True) -> bytes:
    """Give a stored block: its length, the complement of it, the data (3.2.4)."""
    size = len(data).to_bytes(2, "little")
    return bytes([last, *size, *(255 - each for each in size)]) + data


def tables(lengths: dict[int, int], counts: tuple[int, int, int]) -> Bits:
    """Begin a dynamic block: HLIT, HDIST, HCLEN, the lengths of the code of lengths."""
    nr_literals, nr_distances, nr_lengths = counts
    bits = block(DYNAMIC).number(nr_literals - 257, 5).number(nr_distances - 1, 5)
    bits.number(nr_lengths - 4, 4)
    for symbol in ORDER[:nr_lengths]:
        bits.number(lengths.get(symbol, 0), 3)
    return bits


def letters_fixed() -> bytes:
    """Give "a", 15 x 258 bytes from 1 before, 225 more: code 283, 30 beyond 195."""
    bits = block(FIXED).code(literals("a")).code(MATCH_258 + "00000", 15)
    return bits.code("11000011").number(30, 5).code("00000" + END).packed()


def fours_fixed() -> bytes:
    """Give "abcd", then 4092 bytes from 4 before: 15 x 258 and 222."""
    bits = block(FIXED).code(literals("abcd")).code(MATCH_258 + "00011", 15)
    return bits.code("11000011").number(27, 5).code("00011" + END).packed()


def fours_in_two_blocks() -> bytes:
    """Give "abcd" stored, then the matches in a fixed block: 15 x 258 and 222."""
    bits = block(FIXED).code(MATCH_258 + "00011", 15)
    bits.code("11000011").number(27, 5).code("00011" + END)
    return stored(b"abcd", last=False) + bits.packed()


def letters_dynamic() -> bytes:
    """
    Give the page of one letter with tables of its own.

    Length 258 has code 0, "a" 10, the end 110, lengths 195 to 226 have 111; distance
    1 has 0.  Of the code of lengths 18 has 0, 3 has 10, 1 has 110, 0 has 1110 and 2
    has 1111.  So: 97 zeros, 2, 138 and 20 zeros, 3, 26 zeros, 3, 0, 1; and 1.
    """
    bits = tables({18: 1, 0: 4, 3: 2, 2: 4, 1: 3}, (286, 1, 18))
    bits.code("0").number(97 - 11, 7).code("1111")
    bits.code("0").number(138 - 11, 7).code("0").number(20 - 11, 7).code("10")
    bits.code("0").number(26 - 11, 7).code("10 1110 110").code("110")
    bits.code("10").code("0 0", 15)
    return bits.code("111").number(30, 5).code("0").code("110").packed()


def run_of(first: str, extra: int) -> Bits:
    """Begin with *first*, then 15 x 258 and 195 + *extra* bytes from 1 before."""
    bits = block(FIXED).code(literals(first)).code(MATCH_258 + "00000", 15)
    return bits.code("11000011").number(extra, 5).code("00000")


def far_4096() -> bytes:
    """Give "ba", 4094 times "a", and 3 bytes from 4096 before: code 23, 3073 on."""
    return run_of("ba", 29).code("0000001 10111").number(1023, 10).code(END).packed()


def far_4097() -> bytes:
    """Give "ba", 4095 times "a", and 3 bytes from 4097 before: code 24, 4097 on."""
    return run_of("ba", 30).code("0000001 11000").number(0, 11).code(END).packed()


def far_4097_dynamic() -> bytes:
    """
    Give the same with tables of its own.

    Length 258 has code 0, "a" 100, "b" 101, 195 to 226 has 110, the end 1110, 3 has
    1111; distance 1 has 0, 4097 and on has 1.  Of the code of lengths 18 has 0, 3 has
    10, 1 has 110, 0 has 1110 and 4 has 1111.  So: 97 zeros, 3, 3, 138 and 19 zeros, 4,
    4, 25 zeros, 3, 0, 1; and 1, 23 zeros, 1.
    """
    bits = tables({18: 1, 0: 4, 3: 2, 4: 4, 1: 3}, (286, 25, 18))
    bits.code("0").number(97 - 11, 7).code("10 10")
    bits.code("0").number(138 - 11, 7).code("0").number(19 - 11, 7).code("1111 1111")
    bits.code("0").number(25 - 11, 7).code("10 1110 110")
    bits.code("110 0").number(23 - 11, 7).code("110")
    bits.code("101 100").code("0 0", 15).code("110").number(30, 5).code("0")
    return bits.code("1111 1").number(0, 11).code("1110").packed()


HAND_MADE = {
    "nothing, fixed": block(FIXED).code(END).packed(),
    "nothing, stored": stored(b""),
    "three letters, fixed": block(FIXED).code(literals("abc") + END).packed(),
    "stored, then stored": stored(b"abc", last=False) + stored(b"de"),
    "overlapping match, fixed": run_of("a", 30).code(END).packed(),
    "distance 4, fixed": fours_fixed(),
    "stored, then fixed": fours_in_two_blocks(),
    "overlapping match, dynamic": letters_dynamic(),
    "distance of 4096": far_4096(),
    "distance of 4097": far_4097(),
    "distance of 4097, dynamic": far_4097_dynamic(),
    "block of type 3": block(RESERVED).packed(),
    "complement of a stored length": bytes([1, 1, 0, 0, 0]) + b"a",
    "distance before the beginning": (
        block(FIXED).code(literals("a")).code("0000001 00001" + END).packed()
    ),
    "length code 286": (
        block(FIXED).code(literals("a")).code("11000110 00000" + END).packed()
    ),
    "distance code 30": (
        block(FIXED).code(literals("a")).code("0000001 11110" + END).packed()
    ),
    "too many codes": tables({16: 1, 17: 1, 18: 1}, (257, 1, 4)).packed() + bytes(40),
    "repeat of nothing": (
        tables({16: 1, 0: 1}, (257, 1, 4)).code("1").packed() + bytes(40)
    ),
    "a byte more than a page": run_of("a", 31).code(END).packed(),
}


@pytest.mark.parametrize("name", HAND_MADE)
def test_stream_is_what_was_worked_out(name: str) -> None:
    """The hexadecimal digits of the vector are these bits."""
    suite = SUITES["deflate"]
    streams = {vector.name: vector.stream for vector in suite.known}
    streams |= {vector.name: vector.stream for vector in suite.refused}

    assert streams[name].hex() == HAND_MADE[name].hex()
