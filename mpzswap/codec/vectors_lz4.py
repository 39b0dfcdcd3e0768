"""
Vectors of the LZ4 block (lz4, doc/lz4_Block_format.md).

Made by hand, which the format was meant for: a token has the number of literals and
the length of the match less 4, 15 says that bytes follow to be added; then literals,
the distance in two bytes.  One is LZ4HC's, which the codec does not use.
"""

from mpzswap.codec.vector import PAGE, Known, Refused, fours, letters, unhex, verse
from mpzswap.errors import CorruptStreamError, OutputOverflowError

ALPHABET = b"abcdefghijklmnopqrst"
# "abc", 8 from 3 before, "xy": 13 bytes, and on.
THIRTEEN = (b"abcabcabcabxy" * (PAGE // 13 + 1))[:PAGE]
# 15 * 255, what a length of a page needs before its last byte.
FULL = "ff" * 15

KNOWN = (
    Known("nothing", b"", unhex("00")),
    Known("one letter", b"a", unhex("10 61")),
    # 15 and 0.
    Known("15 literals", ALPHABET[:15], unhex("f0 00", ALPHABET[:15].hex())),
    # 15 and 255 and 0.
    Known("270 literals", b"a" * 270, unhex("f0 ff00", "61" * 270)),
    # 4 and 15 and 0.
    Known("match of 19", b"a" * 25, unhex("1f 61 0100 00", "50 6161616161")),
    # "a", 4090 = 4 + 15 + 15 * 255 + 246 from 1 before, five literals.
    Known(
        "overlapping match",
        letters(),
        unhex("1f 61 0100", FULL, "f6", "50 6161616161"),
    ),
    # "abcd", 4087 = 4 + 15 + 15 * 255 + 243 from 4 before, five literals.
    Known(
        "distance of 4",
        fours(),
        unhex("4f 61626364 0400", FULL, "f3", "50 6461626364"),
    ),
    # ..., 4078 = 4 + 15 + 15 * 255 + 234 from 13 before, five literals.
    Known(
        "three sequences",
        THIRTEEN,
        unhex("34 616263 0300", "2f 7879 0d00", FULL, "ea", "50", THIRTEEN[-5:].hex()),
    ),
    Known(
        "verse by LZ4HC",
        verse(),
        unhex(
            "fd11302070616765732077656e74206f75742c20302063616d65206261636b2e0a311f00",
            "18311f001d341f0018321f001d391f0019335d001d362000183420002d32352000183520",
            "001e33400019369e000e8000183720001e36bf00183820001e38fe001939c0002e30301f",
            "010a3f012e323122000942010f8001ffffffffffffffffffffffffffff76500a36342070",
        ),
    ),
)

REFUSED = (
    Refused("no bytes", CorruptStreamError, b""),
    Refused("literals missing", CorruptStreamError, unhex("50 616263")),
    Refused("half a distance", CorruptStreamError, unhex("10 61 01")),
    Refused("nothing after a match", CorruptStreamError, unhex("10 61 0100")),
    Refused("length without an end", CorruptStreamError, unhex("f0 ff")),
    Refused("page cut short", CorruptStreamError, KNOWN[5].stream[:-1]),
    Refused("followed by a byte", CorruptStreamError, KNOWN[5].stream + b"a"),
    Refused(
        "distance before the beginning",
        CorruptStreamError,
        unhex("10 61 0200", "50 6161616161"),
    ),
    Refused(
        "a byte more than a page",
        OutputOverflowError,
        unhex("1f 61 0100", FULL, "f7", "50 6161616161"),
    ),
    Refused("a byte more than a limit", OutputOverflowError, unhex("30 616263"), 2),
)
