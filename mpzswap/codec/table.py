"""The compressors that users can name, as NAME or NAME:LEVEL."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mpzswap.codec import deflate, lz4, zstd
from mpzswap.codec.contract import Codec
from mpzswap.codec.deflate_iaa import DeflateIaa
from mpzswap.codec.deflate_iaa_dynamic import DeflateIaaDynamic
from mpzswap.errors import InputError

NO_LEVELS = range(0)


@dataclass(frozen=True)
class Entry:
    """How to make a codec: by its level where it has levels, by nothing otherwise."""

    make: Callable[..., Codec]
    levels: range = NO_LEVELS


CODECS: Mapping[str, Entry] = MappingProxyType(
    {
        "deflate-iaa": Entry(DeflateIaa),
        "deflate-iaa-dynamic": Entry(DeflateIaaDynamic),
        "deflate": Entry(deflate.Deflate, deflate.LEVELS),
        "lz4": Entry(lz4.Lz4, lz4.LEVELS),
        "zstd": Entry(zstd.Zstd, zstd.LEVELS),
    }
)


def parse_compressor(text: str) -> tuple[str, int | None]:
    """
    Split "NAME" or "NAME:LEVEL"; the level is None where none is written.

    Raises:
        InputError: there is no such compressor, or no such level of it.
    """
    if not isinstance(text, str):
        raise TypeError(f"compressor: {type(text).__name__}, must be text")
    name, colon, level = text.partition(":")
    if name not in CODECS:
        raise InputError(f"compressor {text!r}: must be one of {', '.join(CODECS)}")
    if not colon:
        return name, None
    levels = CODECS[name].levels
    if not levels:
        raise InputError(f"compressor {text!r}: {name} has no levels")
    # Nine digits: int() takes other scripts' digits, blanks and "_", and no end.
    if not re.fullmatch("[0-9]{1,9}", level) or int(level) not in levels:
        raise InputError(
            f"compressor {text!r}: the level must be a whole number "
            f"from {levels[0]} to {levels[-1]}, not {level!r}"
        )
    return name, int(level)


def make_codec(text: str) -> Codec:
    """
    Make the codec that *text* names; without a level, at its default level.

    Raises:
        InputError: there is no such compressor, or no such level of it.
    """
    name, level = parse_compressor(text)
    make = CODECS[name].make
    return make() if level is None else make(level)
