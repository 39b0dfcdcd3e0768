"""
Vectors of the Zstandard frame (RFC 8878).

Those without a program's name were made by hand:

    28b52ffd | flags | window or size | block, block, ... | checksum
    block    = 3 bytes: 1 if the last, type * 2, size * 8; then what it holds

The window is there unless the flags have 20; their upper two bits and 20 say how many
bytes the size has: 40 is two, which count from 256.  04 is the checksum.

The others are the program zstd 1.5.4's, from a pipe.
"""

from mpzswap.codec.vector import PAGE, Known, Refused, fours, letters, unhex, verse
from mpzswap.errors import CorruptStreamError, OutputOverflowError

MAGIC = "28b52ffd"
# A frame that says that it holds a page.
OF_A_PAGE = MAGIC + "60 000f"
PAGES = b"pages".hex()
EIGHT = bytes([0, 1, 1, 0, 1, 1, 1, 0])

KNOWN = (
    Known("nothing", b"", unhex(MAGIC, "20 00", "010000")),
    Known("nothing, no size", b"", unhex(MAGIC, "00 00", "010000")),
    Known("raw block", b"pages", unhex(MAGIC, "20 05", "290000", PAGES)),
    Known("raw block, no size", b"pages", unhex(MAGIC, "00 58", "290000", PAGES)),
    # The lower half of XXH64 of the data.
    Known(
        "raw block with a checksum",
        b"pages",
        unhex(MAGIC, "24 05", "290000", PAGES, "c7862559"),
    ),
    Known("repeated byte", letters(), unhex(OF_A_PAGE, "038000 61")),
    Known("repeated byte, no size", letters(), unhex(MAGIC, "00 10", "038000 61")),
    Known(
        "raw, then a repeated byte",
        b"abc" + b"d" * (PAGE - 3),
        unhex(OF_A_PAGE, "200000 61626364", "e37f00 64"),
    ),
    # Literals "a"; one sequence, its three codes from tables of one symbol (54): 1
    # literal, offset value 1, "the last one", at first 1; match of 2051 + 2044.
    # Bits from the end: 1, 11111111100.
    Known(
        "repeated offset",
        letters(),
        unhex(OF_A_PAGE, "4d0000", "08 61", "01 54 01002f", "fc0f"),
    ),
    # 4 literals; offset 4: value 7, code 2 and 3 beyond 4; match of 2051 + 2041.
    # Bits from the end: 1, 11, 11111111001.
    Known(
        "tables of one symbol",
        fours(),
        unhex(OF_A_PAGE, "650000", "20 61626364", "01 54 04022f", "f93f"),
    ),
    # 8 literals of two symbols in 4 bytes: one weight, 1, so the other is 1 too; bits
    # from the end: 1, 01101110.  8 literals; offset 8: value 11, code 3 and 3 beyond 8;
    # match of 2051 + 2037.  Bits from the end: 1, 011, 11111110101.
    Known(
        "Huffman literals",
        EIGHT * (PAGE // 8),
        unhex(OF_A_PAGE, "750000", "820001 8010 6e01", "01 54 08032f", "f55f"),
    ),
    Known(
        "verse by zstd -19, checksum, no size",
        verse(),
        unhex(
            "28b52ffd0468150300d2830d11a06f004aa0a04315463a915dbec36f150f4d9a47a746c8",
            "ff24ff2fc610ff2e897837108fa9c50d2ac68343b5926b6c9769736af20817a820a8f7ff",
            "0c9033ad0310de1848e461ffff3b7d1ee402932872a118c43e857f84b14dc14130940269",
            "d00e25",
        ),
    ),
    Known(
        "verse by zstd -1",
        verse(),
        unhex(
            "28b52ffd60000f95040092041016a03907d0fe5bbfd9adfd6f4b62a5c82d4537fa756a04",
            "aa98fb83ffddf1774f47287748b97b5431f72761fe80602c45981d6af91c3426714358e3",
            "85154af1052300c11d5c3e00ee821901c7c0dc809381e5017047345e00eec0cc0027305f",
            "d11ecc084f84967c899a077017cc083806e606380166041c0373039c0033028e0d3537c0",
            "09980f700ccc02b80b31ab27",
        ),
    ),
)

REFUSED = (
    Refused("no bytes", CorruptStreamError, b""),
    Refused(
        "another magic", CorruptStreamError, unhex("29b52ffd", "20 05 290000", PAGES)
    ),
    Refused("cut short", CorruptStreamError, unhex(MAGIC, "20 05", "290000 7061")),
    Refused(
        "cut short, no size", CorruptStreamError, unhex(MAGIC, "00 58", "290000 7061")
    ),
    Refused("page cut short", CorruptStreamError, KNOWN[9].stream[:-1]),
    Refused("followed by a byte", CorruptStreamError, KNOWN[5].stream + b"a"),
    Refused("no last block", CorruptStreamError, unhex(MAGIC, "20 05 280000", PAGES)),
    Refused("block of type 3", CorruptStreamError, unhex(MAGIC, "20 01", "0f0000 61")),
    Refused("claims more", CorruptStreamError, unhex(MAGIC, "20 06 290000", PAGES)),
    Refused("claims less", CorruptStreamError, unhex(MAGIC, "20 04 290000", PAGES)),
    Refused("reserved bit", CorruptStreamError, unhex(MAGIC, "28 05 290000", PAGES)),
    Refused("dictionary 7", CorruptStreamError, unhex(MAGIC, "21 0705 290000", PAGES)),
    Refused(
        "window of 16 MiB", CorruptStreamError, unhex(MAGIC, "00 70 290000", PAGES)
    ),
    Refused(
        "another checksum",
        CorruptStreamError,
        unhex(MAGIC, "24 05 290000", PAGES, "00000000"),
    ),
    # "Tables of one symbol", but offset 5: value 8, code 3 and 0 beyond 8.
    Refused(
        "offset before the beginning",
        CorruptStreamError,
        unhex(OF_A_PAGE, "650000", "20 61626364", "01 54 04032f", "f947"),
    ),
    # "Huffman literals" with a tree that is said to be the last block's.
    Refused(
        "tree of no block",
        CorruptStreamError,
        unhex(MAGIC, "20 08", "350000", "838000 6e01", "00"),
    ),
    Refused(
        "a byte more than a page",
        OutputOverflowError,
        unhex(MAGIC, "60 010f", "0b8000 61"),
    ),
    Refused(
        "a byte more than a page, no size",
        OutputOverflowError,
        unhex(MAGIC, "00 18", "0b8000 61"),
    ),
    Refused(
        "claims a TiB",
        OutputOverflowError,
        unhex(MAGIC, "e0 0000000000010000", "038000 61"),
    ),
)
