"""XXH64 with seed 0, the checksum of a Zstandard frame: xxHash, doc/xxhash_spec.md."""

import struct

MASK = (1 << 64) - 1
# The specification's PRIME64_1 to PRIME64_5.
P1 = 0x9E3779B185EBCA87
P2 = 0xC2B2AE3D27D4EB4F
P3 = 0x165667B19E3779F9
P4 = 0x85EBCA77C2B2AE63
P5 = 0x27D4EB2F165667C5
STRIPE_BYTES = 32


def xxh64(data: bytes | bytearray) -> int:
    """Give the hash of *data*."""
    whole = len(data) // STRIPE_BYTES * STRIPE_BYTES
    state = _stripes(data[:whole]) if whole else P5
    state = (state + len(data)) & MASK
    rest = data[whole:]
    while len(rest) >= 8:
        state ^= _round(0, *struct.unpack_from("<Q", rest))
        state = (_rotate(state, 27) * P1 + P4) & MASK
        rest = rest[8:]
    if len(rest) >= 4:
        state ^= struct.unpack_from("<I", rest)[0] * P1 & MASK
        state = (_rotate(state, 23) * P2 + P3) & MASK
        rest = rest[4:]
    for byte in rest:
        state = _rotate(state ^ byte * P5 & MASK, 11) * P1 & MASK
    return _avalanche(state)


def _stripes(data: bytes | bytearray) -> int:
    lanes = [P1 + P2 & MASK, P2, 0, -P1 & MASK]
    for words in struct.iter_unpack("<4Q", data):
        lanes = [_round(lane, word) for lane, word in zip(lanes, words, strict=True)]
    turns = zip(lanes, (1, 7, 12, 18), strict=True)
    state = sum(_rotate(lane, count) for lane, count in turns) & MASK
    for lane in lanes:
        state = ((state ^ _round(0, lane)) * P1 + P4) & MASK
    return state


def _round(lane: int, word: int) -> int:
    return _rotate(lane + word * P2 & MASK, 31) * P1 & MASK


def _rotate(value: int, count: int) -> int:
    return (value << count | value >> (64 - count)) & MASK


def _avalanche(state: int) -> int:
    state = (state ^ state >> 33) * P2 & MASK
    state = (state ^ state >> 29) * P3 & MASK
    return state ^ state >> 32
