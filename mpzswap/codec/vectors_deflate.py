"""
Vectors of raw Deflate (RFC 1951), for all three Deflate codecs.

Those without a library's name were worked out on paper, bit by bit;
tests/unit/codec/test_vectors_by_hand.py has the paper.  The others are zlib 1.2.13's,
level 9, window 4 KiB: the codecs use isal and zlib-ng.
"""

from mpzswap.codec.vector import (
    PAGE,
    PLAIN,
    Known,
    Refused,
    fours,
    letters,
    unhex,
    verse,
)
from mpzswap.errors import CorruptStreamError, OutputOverflowError

# Both begin with "ba", go on with "a", and end with the first three bytes again.
FAR = b"b" + b"a" * (PAGE - 1) + b"baa"
FARTHER = b"b" + b"a" * PAGE + b"baa"

WITHIN_THE_WINDOW = (
    Known("nothing, fixed", b"", unhex("0300")),
    Known("nothing, stored", b"", unhex("01 0000 ffff")),
    Known("three letters, fixed", b"abc", unhex("4b4c4a0600")),
    Known(
        "stored, then stored",
        b"abcde",
        unhex("00 0300 fcff 616263", "01 0200 fdff 6465"),
    ),
    # "a", then 15 matches of 258 and one of 225, all from 1 before.
    Known(
        "overlapping match, fixed",
        letters(),
        unhex("4b1c05a360148c8251300a46c1281805a360148c8251300a46c1b00700"),
    ),
    # "abcd", then matches from 4 before.
    Known(
        "distance 4, fixed",
        fours(),
        unhex("4b4c4a4e19c5a378148fe2513c8a47f1281ec5a378148fe2513c8a47f1f0c600"),
    ),
    # The same, but "abcd" lies in a block of its own.
    Known(
        "stored, then fixed",
        fours(),
        unhex(
            "00 0400 fbff 61626364",
            "1bc5a378148fe2513c8a47f1281ec5a378148fe2513c8a47f1f0c600",
        ),
    ),
    # Four codes: 258, "a", the end, 195 to 226; and one distance.
    Known(
        "overlapping match, dynamic",
        letters(),
        unhex("edc081100000000231d6f797c8a3db02000000ee0d"),
    ),
    Known(
        "sentence by zlib, fixed",
        PLAIN[2].data,
        unhex(
            "735428484c4f5528c9482c51c82c56c82f055379f9250a95a9250ae9f979a93a405e1148",
            "30b3442123b528558fcb914e7a00",
        ),
    ),
    Known(
        "verse by zlib, fixed",
        verse(),
        unhex(
            "335028484c4f2d56284fcd2b51c82f2dd1513050484ecc4d55484a4cced6e332c4903644",
            "9636c190364296b6c490364631dc0c43de0459dec81443de1459de1853bf198aeb30ed37",
            "479637c374be05b2bc05a6ef2d51dc6f6080193ca8c1678425005142d06034fc47c37f34",
            "fc47c37f34fc47c37f34fc47c37f34fc47c37f34fc47c37f34fc47c39f0ee10f00",
        ),
    ),
    Known(
        "verse by zlib, dynamic",
        verse(),
        unhex(
            "edd03b0e83301084e13ea7d8034468b1c1c0710cb228100f0922ae4fbbab494d35f52fdb",
            "e34fe5c87339e52edb25fbeffa8aca94d722639e96ea5343ae6d6e20079b07c8d15d9ea0",
            "37b687167a6b7bc4f3c9adc3f73bdb13ceef6deff1f783dbaf8a3c9e2ffc0174824a7ffa",
            "d39ffef4a73ffde94f7ffad39ffef4a7ff0bfe0f",
        ),
    ),
    # A window of 4 KiB reaches so far and no farther.
    Known(
        "distance of 4096",
        FAR,
        unhex("4b4a1c05a360148c8251300a46c1281805a360148c8251300a46c17007c0fe3f00"),
    ),
)
FARTHER_STREAM = unhex("edd881100000100230d6f287f8e7e8368c35000000c0bc0f8003")
BEYOND_THE_WINDOW = (
    Known(
        "distance of 4097",
        FARTHER,
        unhex("4b4a1c05a360148c8251300a46c1281805a360148c8251300a46c1b007c0010000"),
    ),
    Known("distance of 4097, dynamic", FARTHER, FARTHER_STREAM),
)

REFUSED = (
    Refused("no bytes", CorruptStreamError, b""),
    Refused("cut short", CorruptStreamError, unhex("4b4c4a06")),
    Refused("page cut short", CorruptStreamError, WITHIN_THE_WINDOW[4].stream[:-2]),
    Refused("followed by a byte", CorruptStreamError, unhex("4b4c4a0600 00")),
    Refused("block of type 3", CorruptStreamError, unhex("07")),
    Refused("stored data missing", CorruptStreamError, unhex("01 0300 fcff 6162")),
    Refused(
        "complement of a stored length", CorruptStreamError, unhex("01 0100 0000 61")
    ),
    Refused("distance before the beginning", CorruptStreamError, unhex("4b044200")),
    Refused("length code 286", CorruptStreamError, unhex("4b1c0300")),
    Refused("distance code 30", CorruptStreamError, unhex("4b043e00")),
    # Three codes of one bit.
    Refused("too many codes", CorruptStreamError, unhex("05009200", "00" * 40)),
    # The first length is "as before".
    Refused("repeat of nothing", CorruptStreamError, unhex("05000224", "00" * 40)),
    Refused(
        "a byte more than a page",
        OutputOverflowError,
        unhex("4b1c05a360148c8251300a46c1281805a360148c8251300a46c1f00700"),
    ),
    Refused("a byte more than a limit", OutputOverflowError, unhex("4b4c4a0600"), 2),
)
# isal holds blocks with tables of their own to the window, but not fixed ones.
REFUSED_BY_IAA = (
    Refused("distance of 4097, dynamic", CorruptStreamError, FARTHER_STREAM, 2 * PAGE),
)
