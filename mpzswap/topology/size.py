"""Sizes as people write them: 4096, 64K, 2M, 503G, 1T; powers of 1024."""

import re

from mpzswap.errors import InputError

UNITS = "KMGT"
SIZE_PATTERN = rf"^[0-9]+[{UNITS}]?$"

# Ours: the largest size that fits the signed 64-bit integers of the JSON reports.
MAX_SIZE_BYTES = (1 << 63) - 1


def parse_size(text: str) -> int:
    """
    Give the bytes that *text* means; ``format_size`` undoes it.

    Raises:
        InputError: *text* is no size, or one that no 64-bit integer holds.
    """
    if not re.fullmatch(SIZE_PATTERN, text, re.ASCII):
        raise InputError(
            f"{text!r}: must be a number of bytes, or one with K, M, G or T"
        )
    number, unit = (text[:-1], text[-1]) if text[-1] in UNITS else (text, "")
    # Python refuses to read numbers of thousands of digits; 19 digits are enough.
    size = int(number[:20]) << 10 * (UNITS.find(unit) + 1 if unit else 0)
    if len(number.lstrip("0")) > len(str(MAX_SIZE_BYTES)) or size > MAX_SIZE_BYTES:
        raise InputError(f"{text[:32]!r}: must be at most {MAX_SIZE_BYTES} bytes")
    return size


def format_size(size: int) -> str:
    """Give *size* bytes in the largest unit that keeps it a whole number."""
    for power in range(len(UNITS), 0, -1):
        if size and size % (1 << 10 * power) == 0:
            return f"{size >> 10 * power}{UNITS[power - 1]}"
    return str(size)
