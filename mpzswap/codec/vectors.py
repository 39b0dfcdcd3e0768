"""All vectors of each compressor, by its name; levels do not matter to them."""

from collections.abc import Mapping
from types import MappingProxyType

from mpzswap.codec import vectors_deflate as deflate
from mpzswap.codec import vectors_lz4 as lz4
from mpzswap.codec import vectors_zstd as zstd
from mpzswap.codec.vector import PLAIN, Suite

OF_IAA = Suite(
    PLAIN, deflate.WITHIN_THE_WINDOW, deflate.REFUSED + deflate.REFUSED_BY_IAA
)

SUITES: Mapping[str, Suite] = MappingProxyType(
    {
        "deflate-iaa": OF_IAA,
        "deflate-iaa-dynamic": OF_IAA,
        "deflate": Suite(
            PLAIN,
            deflate.WITHIN_THE_WINDOW + deflate.BEYOND_THE_WINDOW,
            deflate.REFUSED,
        ),
        "lz4": Suite(PLAIN, lz4.KNOWN, lz4.REFUSED),
        "zstd": Suite(PLAIN, zstd.KNOWN, zstd.REFUSED),
    }
)
